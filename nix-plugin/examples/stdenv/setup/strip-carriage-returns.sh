# A setup hook: text files of an output end their lines as on Linux.
stripCarriageReturns() {
    local file
    while IFS= read -r -d '' file; do
        [[ -n ${keepCarriageReturns:-} ]] && continue
        sed -i -e 's/\r$//' "$file"
    done < <(find "$prefix" -type f -name '*.txt' -print0)
}
fixupOutputHooks+=(stripCarriageReturns)
