# The builder of `substituteAll`: every attribute of the derivation is a variable to replace.
eval "${preInstall:-}"
target="$out"
if [ -n "${dir:-}" ]; then
    target="$out/$dir/$name"
    mkdir -p "$out/$dir"
fi
substituteAll "$src" "$target"
if [ -n "${isExecutable:-}" ]; then
    chmod +x "$target"
fi
eval "${postInstall:-}"
