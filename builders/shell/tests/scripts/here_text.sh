# Text of here-documents and pipes that several commands share: who does not read leaves it to others.
while read -r x; do /bin/echo "$x" > /dev/null; echo "got $x"; done <<< $'a\nb\nc'
while read -r x; do cat /dev/null; echo "got $x"; done <<E
1
2
E
{ cat /dev/null; cat; } <<< text
{ cat <(echo p); cat; } <<< text2
echo abc | { cat /dev/null; cat; }
echo abc | { (read -rn 1 x; echo "$x"); cat; }
echo x | cat <(echo p) - | { read -r y; echo "[$y]"; cat; }
f() { x=$(echo in | cat <(echo p) -); echo "$x"; }; f
x=$(printf "%0100000d\n" {1..3}); while read -r l; do cat /dev/null; echo "${#l}"; done <<< "$x"
printf 'cat /dev/null\necho a\nread x\nline\ncat /dev/null; echo "[$x]"\ncat\nrest\n' | bash
bash <<'E'
cat /dev/null
echo one
cat /dev/null; while read -r l; do cat /dev/null; echo "<$l>"; done
two
three
E
