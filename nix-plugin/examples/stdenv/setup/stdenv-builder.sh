# Builds the stdenv itself, before there is any setup script: $out/setup is a preamble with the
# paths that are known when it is evaluated, followed by the library.
set -euo pipefail
export PATH=
for package in $initialPath; do
    PATH="${PATH:+$PATH:}$package/bin"
done

mkdir -p "$out/nix-support"
{
    echo "# Setup script of $name: source it to get the functions of a build."
    printf 'export SHELL=%q\n' "$shell"
    printf 'initialPath=%q\n' "$initialPath"
    printf 'defaultNativeBuildInputs=%q\n' "$defaultNativeBuildInputs"
    for part in $parts; do
        echo
        # The first line of a part says which part it is; its comments go.
        echo "# --- $(basename "$part" | sed -e 's/^[a-z0-9]*-//' -e 's/\.sh$//')"
        grep -v '^ *#' "$part"
    done
} > "$out/setup"

# A setup script that does not parse would fail every build, and with a worse message.
"$shell" -n "$out/setup"
echo "$propagatedPackages" > "$out/nix-support/propagated-user-env-packages"
