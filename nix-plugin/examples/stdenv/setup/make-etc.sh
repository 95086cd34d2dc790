# makeEtcEntry SOURCE TARGET MODE USER GROUP: one file of /etc. A source with a `*` stands for all
# that match, and TARGET is their folder.

makeEtcEntry() {
    local source="$1" target="$2" mode="$3" user="$4" group="$5"
    local -a matches
    if [[ $source == *"*"* ]]; then
        # Links to all files that match, each under its own name.
        mapfile -t matches < <(compgen -G "$source" | sort)
        mkdir -p "$out/etc/$target"
        ln -s -t "$out/etc/$target" "${matches[@]}"
        return
    fi
    if [[ $target =~ (^|/)\.\.?(/|$) ]]; then
        printf 'etc: %q leads out of /etc\n' "$target" >&2
        exit 1
    fi
    mkdir -p "$out/etc/$(dirname "$target")"
    if ! [ -e "$out/etc/$target" ]; then
        ln -s "$source" "$out/etc/$target"
    elif [[ $(readlink "$out/etc/$target") != "$source" ]]; then
        echo "etc: $target is there twice, as $(readlink "$out/etc/$target") and $source" >&2
        exit 1
    fi
    if [[ $mode != symlink ]]; then
        echo "$mode" > "$out/etc/$target.mode"
        echo "$user" > "$out/etc/$target.uid"
        echo "$group" > "$out/etc/$target.gid"
    fi
}
