# Parameter expansion in the forms that scripts use.
path=/nix/store/abc-name-1.0.tar.gz
empty=
{
    echo "${path##*/} ${path%/*} ${path%%.*} ${path#*-} ${path##*.}"
    echo "${path//a/A} ${path/#\/nix/X} ${path/%gz/xz} ${path/store}"
    echo "${empty:-default} ${empty-kept} ${unset:=assigned} ${unset} ${path:+there} ${#path}"
    echo "${path:5:5} ${path: -6} ${path:0:-7}"
    echo "${path^^} ${path@U} ${name@Q} ${text@Q}"
    prefix_a=1 prefix_b=2
    echo "${!prefix_*} ${!prefix_@}"
    pointer=path
    echo "${!pointer}"
    echo "${text//[\'\"]/}"
    x='&' y='\\'
    echo "${text//one/"$x"} ${text//two/$y}"
    echo "${text//$'\n'/ }"
    echo a{1..3}{x,y} {01..10..3} {c..a} pre{,post}
    echo ~nobody-such $((16#ff + 010 + 0x1f)) "$((7 / 2 * -3 % 5, 2 ** 10))"
    (: "${missing:?it has a message}") 2> error || echo "status $?"
    sed -e 's/^.*missing/missing/' error
} > $out
