# Patterns over files: extglob, globstar, nullglob, dotglob, classes, and patterns in [[ ]] and case.
mkdir -p tree/{a,b/c,.hidden} && cd tree
touch a/{1,2,10}.txt b/x.TXT b/c/deep.txt .hidden/h top.md "with space.txt" 'star*.txt' '[x].txt'
shopt -s extglob
{
    echo *
    echo a/*.txt a/?.txt a/[!2]*.txt
    echo [[:upper:]]* '[x].txt' \[x].txt "star*".txt *\ *
    echo @(a|b)/!(*.txt) +([a-z]).md ?(x)a
    shopt -s globstar
    echo **/*.txt
    echo **/
    shopt -u globstar
    echo none*there
    shopt -s nullglob
    echo none*there end
    shopt -s dotglob
    echo *
    shopt -u dotglob nullglob
    shopt -s nocaseglob
    echo b/*.txt
    shopt -u nocaseglob
    (shopt -s failglob; echo none*) 2> /dev/null || echo "failglob ends it"
    for word in abc a.c "a*c" AbC 007; do
        case $word in
            "a*c") echo "$word literal" ;;
            a?c) echo "$word question" ;;&
            *[.]*) echo "$word dot" ;;
            +([0-9])) echo "$word digits" ;;
            [A-Z]*) echo "$word upper" ;&
            *) echo "$word rest" ;;
        esac
    done
    [[ foobar == foo!(baz) ]] && echo "extglob in a test"
    GLOBIGNORE='a*:b*'
    echo *
} > $out
