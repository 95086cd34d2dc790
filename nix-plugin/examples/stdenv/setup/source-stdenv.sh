# What `bash -e source-stdenv.sh BUILDER` does first: the attributes, then the stdenv's setup script,
# then the derivation's own builder. The counterpart of nixpkgs' file of the same name.
if [ -e "${NIX_ATTRS_SH_FILE:-}" ]; then
    # Structured attributes come as a script of declarations.
    . "$NIX_ATTRS_SH_FILE"
elif [ -f .attrs.sh ]; then
    . .attrs.sh
fi
source "$stdenv/setup"
source "$1"
