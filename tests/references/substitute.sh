#!/usr/bin/env bash
# What `substitute`, `substituteAll`, `substituteAllFiles` and `replaceVars` do, for GNU bash,
# coreutils, find and grep.
#
# Usage: substitute.sh one SRC OUT DIR NAME EXECUTABLE OPTION...
#        substitute.sh all SRC OUT DIR NAME EXECUTABLE VARIABLE...
#        substitute.sh vars SRC OUT DIR NAME EXECUTABLE [NAME=VALUE | NAME]...
#        substitute.sh files SRC OUT FILE... -- VARIABLE...
# VARIABLEs, and what --subst-var names, are environment variables; so the script's own names begin
# with an underscore.
set -eu
export LC_ALL=C

value() {
    if ! [[ $1 =~ ^[a-zA-Z_][a-zA-Z0-9_]*$ ]] || [ -z "${!1+x}" ]; then
        echo "no variable $1" >&2
        return 1
    fi
    printf '%s.' "${!1}"
}

# substitute FILE TARGET OPTION...
substitute() {
    local _file=$1 _target=$2 _content _text
    shift 2
    [ -f "$_file" ] || return 1
    if IFS= read -r -d '' _content <"$_file"; then
        echo "$_file: NUL" >&2
        return 1
    fi
    while [ $# -gt 0 ]; do
        case $1 in
        --replace | --replace-warn | --replace-quiet | --replace-fail)
            if [[ $1 == --replace-fail && $_content != *"$2"* ]]; then
                echo "$2 is not in $_file" >&2
                return 1
            fi
            _content=${_content//"$2"/"$3"}
            shift 3
            ;;
        --subst-var)
            _text=$(value "$2") || return 1
            _content=${_content//"@$2@"/"${_text%.}"}
            shift 2
            ;;
        --subst-var-by)
            _content=${_content//"@$2@"/"$3"}
            shift 3
            ;;
        --subst-var-from)
            _text=$(value "$3") || return 1
            _content=${_content//"@$2@"/"${_text%.}"}
            shift 3
            ;;
        *)
            echo "unknown option $1" >&2
            return 1
            ;;
        esac
    done
    printf %s "$_content" >"$_target"
}

_mode=$1 _source=$2 _out=$3
shift 3
_options=()
if [ "$_mode" = files ]; then
    _files=()
    while [ "$1" != -- ]; do
        _files+=("$1")
        shift
    done
    shift
    for _variable in "$@"; do
        _options+=(--subst-var "$_variable")
    done
    cd "$_source"
    for _one in "${_files[@]}"; do
        find "$_one" -type f -print0 >/dev/null
        while IFS= read -r -d '' _path; do
            mkdir -p "$_out/$(dirname "$_path")"
            substitute "$_path" "$_out/$_path" "${_options[@]}"
        done < <(find "$_one" -type f -print0)
    done
    exit
fi

_directory=$1 _name=$2 _executable=$3
shift 3
_kept=()
case $_mode in
one) _options=("$@") ;;
all)
    for _variable in "$@"; do
        _options+=(--subst-var "$_variable")
    done
    ;;
vars)
    for _replacement in "$@"; do
        _key=${_replacement%%=*}
        if [ "$_key" = "$_replacement" ]; then
            _kept+=("$_key")
            _options+=(--replace-fail "@$_key@" "@$_key@")
        else
            _options+=(--replace-fail "@$_key@" "${_replacement#*=}")
        fi
    done
    ;;
esac
_target=$_out
if [ -n "$_directory" ]; then
    mkdir -p "$_out/$_directory"
    _target=$_out/$_directory/$_name
fi
substitute "$_source" "$_target" ${_options[@]+"${_options[@]}"}
if [ -n "$_executable" ]; then
    chmod +x "$_target"
fi
if [ "$_mode" = vars ]; then
    _look=
    if [ ${#_kept[@]} -gt 0 ]; then
        _look="(?!$(IFS='|' && echo "${_kept[*]}")@)"
    fi
    if grep -aPq -e "@$_look[a-zA-Z_][0-9A-Za-z_'-]*@" "$_target"; then
        echo "something is left over in $_target" >&2
        exit 1
    fi
fi
