# Word splitting with blanks and other characters in IFS; empty fields; quotes.
p() { printf '%d:' $#; printf '<%s>' "$@"; echo; }
v=' a  b '; p $v; p "$v"; p x$v$v
IFS=:; v=':a::b:'; p $v; p $v"$v"; IFS=' :'; v=' a : b ::c '; p $v
IFS=; p $v; unset IFS; p $v; set -- '' x ''; p $@; p "$@"; p "$*"; IFS=x; p $*; p "$*"
(LC_ALL=C.UTF-8; IFS=é; x=aébéc; printf '<%s>' $x; read -r a b <<< "1é2é3"; echo "$a|$b"; read -r a b <<< "1éé"; echo "$a|$b"
read -ra z <<< "aéèb"; printf '<%s>' "${z[@]}"; set -- a b; echo "$*")
