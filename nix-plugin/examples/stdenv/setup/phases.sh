# The phases of a package, and genericBuild, which runs them or the derivation's `buildCommand`.

unpackFile() {
    curSrc="$1"
    echo "unpacking source $curSrc"
    if ! runOneHook unpackCmd "$curSrc"; then
        echo "do not know how to unpack source $curSrc" >&2
        exit 1
    fi
}

_unpackFolder() {
    local from="$1" name
    [ -d "$from" ] || return 1
    name="$(stripHash "$from")"
    # With times and links as they are; a source is read-only.
    cp -pr --reflink=auto -- "$from" "$name"
    chmod -R u+w -- "$name"
}
addHook unpackCmd _unpackFolder

_unpackSingle() {
    [[ -f $1 && $1 != *.@(tar|tgz|zip)* ]] || return 1
    mkdir -p source
    cp -- "$1" "source/$(stripHash "$1")"
    chmod u+w -R source
}
addHook unpackCmd _unpackSingle

unpackPhase() {
    runHook preUnpack
    local -a before=() sources=()
    local one entry
    concatTo sources srcs
    ((${#sources[@]})) || concatTo sources src
    if ((${#sources[@]} == 0)); then
        echo 'variable $src or $srcs should point to the source' >&2
        exit 1
    fi
    # The source's root is the folder that appears.
    local -A known=()
    shopt -s nullglob
    for entry in */; do
        known[$entry]=1
    done
    for one in "${sources[@]}"; do
        unpackFile "$one"
    done
    if [ -z "${sourceRoot:-}" ]; then
        for entry in */; do
            [[ ${known[$entry]:-} ]] && continue
            if [ -n "${sourceRoot:-}" ]; then
                echo "unpacker produced several folders" >&2
                exit 1
            fi
            sourceRoot="${entry%/}"
        done
    fi
    shopt -u nullglob
    if [ -z "${sourceRoot:-}" ]; then
        echo "unpacker appears to have produced no folders" >&2
        exit 1
    fi
    echo "source root is $sourceRoot"
    runHook postUnpack
}

patchPhase() {
    runHook prePatch
    local -a scripts=()
    local one
    concatTo scripts patches
    for one in ${scripts+"${scripts[@]}"}; do
        # A patch here is a sed script with the file that it is for in its first line.
        local file
        file="$(sed -n -r '1s/^# file: (.*)$/\1/p' "$one")"
        echo "applying $one to $file"
        sed -i -f "$one" "$file"
    done
    runHook postPatch
}

configurePhase() {
    runHook preConfigure
    local -a flags=()
    concatTo flags configureFlags
    if [[ -x ./configure ]]; then
        patchShebangs . > /dev/null
        printf 'configure flags:'
        printf ' %q' "--prefix=$out" ${flags+"${flags[@]}"}
        printf '\n'
        ./configure "--prefix=$out" ${flags+"${flags[@]}"}
    else
        echo "no configure script, doing nothing"
    fi
    runHook postConfigure
}

buildPhase() {
    runHook preBuild
    runHook postBuild
}

checkPhase() {
    runHook preCheck
    runHook postCheck
}

installPhase() {
    runHook preInstall
    runHook postInstall
}

fixupPhase() {
    local output
    for output in $(outputNames); do
        if [ -e "${!output}" ]; then
            chmod -R u+w "${!output}"
        fi
    done
    runHook preFixup
    for output in $(outputNames); do
        if [ -e "${!output}" ]; then
            prefix="${!output}" runHook fixupOutput
        fi
    done
    _recordPropagated
    runHook postFixup
}

installCheckPhase() {
    runHook preInstallCheck
    runHook postInstallCheck
}

_phaseHeader() {
    local -A titles=([unpackPhase]="unpacking sources" [patchPhase]="patching sources" [fixupPhase]="post-installation fixup")
    printf 'Running phase: %s\n' "${titles[$1]:-$1}"
}

runPhase() { # PHASE
    local curPhase="$1"
    [[ $curPhase == checkPhase && -z ${doCheck:-} ]] && return 0
    [[ $curPhase == installCheckPhase && -z ${doInstallCheck:-} ]] && return 0
    local skip="dont${curPhase%Phase}"
    skip="dont$(printf '%s' "${curPhase:0:1}" | tr a-z A-Z)${curPhase:1:-5}"
    [ -n "${!skip:-}" ] && return 0
    _phaseHeader "$curPhase"
    local start=$SECONDS
    # The derivation's own text for a phase comes before the function of that name.
    eval "${!curPhase:-$curPhase}"
    if [[ $curPhase == unpackPhase ]]; then
        # A source's folder may be closed even to its owner.
        [ -n "${sourceRoot:-}" ] && chmod +x -- "$sourceRoot"
        cd -- "${sourceRoot:-.}"
    fi
    ((SECONDS - start < 3600)) || echo "$curPhase took an hour"
}

genericBuild() {
    # What nixpkgs keeps for `nix develop`; it is not part of any output.
    export 2> /dev/null > "$NIX_BUILD_TOP/env-vars" || true
    if [ -f "${buildCommandPath:-}" ]; then
        source "$buildCommandPath"
        return
    fi
    if [ -n "${buildCommand:-}" ]; then
        eval "$buildCommand"
        return
    fi
    local -a list=()
    concatTo list phases
    if ((${#list[@]} == 0)); then
        concatTo list prePhases
        list+=(unpackPhase patchPhase)
        concatTo list preConfigurePhases
        list+=(configurePhase buildPhase checkPhase installPhase fixupPhase installCheckPhase)
        concatTo list postPhases
    fi
    local phase
    for phase in "${list[@]}"; do
        runPhase "$phase"
    done
}
