# printf, read, mapfile, getopts, set, shift, declare and the rest.
printf '%5d|%-5s|%05.1f|%x|%o|%c|%b|%q\n' 42 ab 3.14159 255 8 xyz 'a\tb' "it's a"; printf '%s\n' a b c; printf '%d\n' "'A"; printf -v v '%03d' 7; echo $v; printf '%s %s\n' one
read -r a b c <<< 'x y z w'; echo "$a|$b|$c"; IFS=: read -r p q <<< 'a:b:c'; echo "$p $q"; read -ra arr <<< '1 2 3'; echo ${#arr[@]}; read -d , d <<< 'u,v'; echo $d; read -n 2 e <<< hello; echo $e; mapfile -t l < <(printf 'a\nb\n'); echo "${l[@]}"
while getopts 'ab:c' o -a -b val -c rest; do echo "$o ${OPTARG-none}"; done; echo $OPTIND; set -- a b c; shift 2; echo $1; declare -r ro=1; ro=2; echo after; 
declare -x ex=1; declare -p ex; export -p | grep ' ex='; declare -l lo=ABC; declare -u up=abc; echo $lo $up; type cd if nosuch; command -v cd; hash -r; pushd / > /dev/null; dirs -v | head -1; popd > /dev/null
umask 027; umask; umask -S; umask 022; set -o | grep errexit; shopt -p extglob; echo -e 'a\nb\c'; echo -n x; echo; eval 'echo ev $((1+1))'; compgen -A function | wc -l; ( : ${nope?message} ); echo $?; true; times > /dev/null; echo "$-" | tr -d s
printf '[%c][%3c]' '' | od -c; printf '%#.0o\n' 0; printf -v v 'a%cb' ''; echo "$v"; BASH_ARGV0=other; echo "$0"
mapfile -t x < <(printf 'a\0b\nc\n'); declare -p x; mapfile -d '' x < <(printf 'a\nb\0c'); declare -p x
mkdir -p some/bin; touch some/bin/plain
( PATH=some/bin; type -t plain; type -P plain; type plain; command -v plain; type -at plain; echo $? )
