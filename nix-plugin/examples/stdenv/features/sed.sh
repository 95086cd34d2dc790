# sed: scripts, addresses, groups, branches, in place.
printf '%s\n' '# comment' 'name = value' '' 'other=thing # note' '[section]' 'path = /usr/bin:/bin' > input
mkdir $out
sed -e '/^#/d' -e '/^$/d' -e 's/ *= */=/' input > $out/cleaned
sed -n -e '/\[/,$p' -e '2{s/value/VALUE/p;q}' input > $out/printed
sed -nr 's/^([a-z]+) *= *([^#]*[^ #]).*$/\2 <- \1/p' input > $out/groups
sed -E 's|(/[a-z]+)+|<&>|g; y/abc/ABC/; $!N; P; D' input > $out/lines
sed -e ':a' -e '$!{N;ba' -e '}' -e 's/\n/\\n/g' input > $out/joined
sed -e '1i\' -e 'inserted' -e '2a appended' -e '/section/c\[changed]' input > $out/added
sed -e 's/a/<&&>/2' -e 's/[[:alpha:]]\+/\u&/3' -e "s/'/\"/g" input > $out/flags
cp input $out/edited; sed -i -e 's/value/edited/' -e '$d' $out/edited
sed -s -n '$=' input $out/cleaned > $out/counts
sed = input | sed -e 'N;s/\n/\t/' > $out/numbered
echo "s/=/ is /w $out/written" > script; sed -n -f script input
sed --expression='s/.*/\L&/;s/^./\U&/' <<< "MiXeD CaSe" > $out/case
sed -z 's/\n/,/g' input > $out/zero
