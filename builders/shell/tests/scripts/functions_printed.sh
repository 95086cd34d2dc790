# How functions are printed: `;` ends a line everywhere, `&` nowhere.
f1() { ( a; b ); }
f2() { a & b; c & }
f3() { if a; b; then c; d; fi; while a; b; do c; done; }
f4() { ( a; ( b; c ) ); x=$(a; b); y=`a; b`; { ( a; b ) | c; }; }
f5() { ( a & b; c ); for i in 1 2; do ( a; b ); done; case x in y) ( a; b );; esac; }
f6() { ( if a; then b; fi; c ); ( a || b; c && d ) > x; until ( a; b ); do c; done; }
declare -f
