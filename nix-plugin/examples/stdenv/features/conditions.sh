# [[ ]], [ ], test, regular expressions, and what an input looks like.
version=257.6-rc2
{
    if [[ $version =~ ^([0-9]+)\.([0-9]+)(-(rc|beta)([0-9]+))?$ ]]; then
        printf '<%s>' "${BASH_REMATCH[@]}"
        echo
    fi
    re='[[:space:]]+$'
    [[ "trailing  " =~ $re ]] && echo "blanks: ${#BASH_REMATCH}"
    [[ a < b && ! b < a && -n x && -z "" && 10 -gt 9 ]] && echo ordered
    test -d "$systemd" -a -r "$systemd" && echo "the input is a folder"
    [ -w "$systemd" ] || echo "and not writable"
    [ -x "$systemd/bin/systemctl" ] && ! [ -x "$systemd/share" -a -f "$systemd/share" ] && echo "a program"
    [ -L "$systemd/sbin" ] && echo "a link to $(readlink "$systemd/sbin")"
    [ "$systemd/bin/systemctl" -ef "$systemd/sbin/systemctl" ] && echo "the same file"
    [ -s "$systemd/bin/systemctl" ] && [ ! -e "$systemd/none" ] && echo "not empty"
    : > empty; [ -s empty ] || echo "empty"
    : > older; touch -d @1000 older; [ empty -nt older ] && echo newer
    (( (number > 40 && number < 50) || 0 )) && echo "$((number / 5)) $((number << 2)) $((~number))"
    let 'z = number * 2' 'z += 1'; echo "$z $((z++)) $z $((z > 80 ? 1 : 2))"
    [[ -v name && ! -v no_such_name ]] && echo "set and unset"
    [[ -o errexit ]] && echo "errexit is on"
} > $out
