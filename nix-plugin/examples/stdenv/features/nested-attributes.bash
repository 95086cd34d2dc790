# Values as `.attrs.sh` declares them; the JSON file has all of them.
mkdir $out
for key in "${!table[@]}"; do
    printf '%s=%s\n' "$key" "${table[$key]}"
done | sort > $out/table
{
    declare -p big empty
    echo "${fraction-no fraction} ${matrix-no matrix} ${emptySet[*]-no set}"
    compgen -v | grep -c 'not-a-name' || true
} > $out/kinds
grep -o '"matrix":\[\[1\],\[2\]\]' "$NIX_ATTRS_JSON_FILE" > $out/json
