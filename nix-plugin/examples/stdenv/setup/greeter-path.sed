# file: src/main.sh
# A patch of greeter: its words come from the configuration.
s|^words=.*$|words="${GREETER_WORDS:-@words@}"|
/^# remove from here/,/^# to here/d
$ a\
# patched
