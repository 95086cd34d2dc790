# Words, quotes, printf %q, and here-documents.
{
    printf '%q ' "" a 'b c' "d'e" $'f\ng' '$h' '~' 'ü' 'x*' '#y' '!z'
    echo
    printf '%s|%5s|%-5s|%05d|%x|%o|%c|%%|%b\n' a b c 42 255 8 xyz 'tab\tnew\n'
    printf '%s=%s;' one 1 two 2 three
    printf -v padded '%08.3f' 3.14159
    echo "$padded"
    echo -e 'a\tb\x41\0101' "\$HOME \`x\` \\" '\n'
    echo -n no newline
    echo $'\u00e9\x21'
    cat <<PLAIN
expanded: ${number} $(echo substituted) \$escaped \\ "quotes"
  kept blanks
PLAIN
    cat <<'QUOTED'
not expanded: ${number} $(echo) \$escaped
QUOTED
    cat <<-TABS
	tabs are taken off
		all of them: $((1 + 1))
	TABS
    tr a-z A-Z <<< "here string $number"
    IFS=: ; set -- $(echo a:b::c:) ; unset IFS
    echo "$#" "$@"
    eval "$(printf 'value=%q' "$text")"
    [[ $value == "$text" ]] && echo "the text survives %q and eval"
} > $out
