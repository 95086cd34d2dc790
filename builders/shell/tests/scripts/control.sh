# Conditions and loops, with break, continue and their counts; case in all its forms.
for i in 1 2 3; do for j in a b; do [ $i$j = 2a ] && continue 2; [ $i = 3 ] && break 2; echo $i$j; done; done
n=0; while ((n<3)); do ((n++)); done; until ((n==0)); do ((n--)); done; echo $n
case abc in x) echo no;; a*) echo one;& z) echo fall;;& *c) echo test;; *) echo last;; esac
case "$(echo q)" in (p|q) echo paren;; esac
if false; then echo a; elif true; then echo b; else echo c; fi
! true; echo $?; true && false || echo or; { echo group; }; ( echo sub; exit 3 ); echo $?
f() { return 4; }; f; echo $?; f() (echo body; x=1); x=0; f; echo $x
for w; do echo $w; done; select s in a b; do echo "$s $REPLY"; break; done <<< 2 2>/dev/null
while read -r l; do echo "[$l]"; done < <(printf 'a\nb b\n'); echo "$(case x in x) echo nested;; esac)"
