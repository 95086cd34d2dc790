# Replacement of text in files: `substitute IN OUT --replace-fail A B --subst-var NAME …`.

# The whole of a file goes into a variable; NUL bytes cannot, so such a file is refused.
consumeEntire() { # VARIABLE
    if IFS='' read -r -d '' "$1"; then
        echo "consumeEntire: the input has NUL bytes" >&2
        return 1
    fi
    return 0
}

_substituteStream() { # VARIABLE DESCRIPTION OPTION...
    local -n _text="$1"
    local _what="$2" _pattern _replacement _name
    shift 2
    while (($#)); do
        case "$1" in
            --replace-fail | --replace-warn | --replace-quiet | --replace)
                _pattern="$2" _replacement="$3"
                if [[ $_text != *"$_pattern"* ]]; then
                    case "$1" in
                        --replace-fail)
                            printf 'substitute(): ERROR: pattern %s does not match anything in %s\n' "${_pattern@Q}" "$_what" >&2
                            return 1
                            ;;
                        --replace-quiet) ;;
                        *) printf 'substitute(): WARNING: pattern %s does not match anything in %s\n' "${_pattern@Q}" "$_what" >&2 ;;
                    esac
                fi
                _text="${_text//"$_pattern"/"$_replacement"}"
                shift 3
                ;;
            --subst-var)
                _name="$2"
                if [[ ! $_name =~ ^[a-zA-Z_][a-zA-Z0-9_]*$ ]]; then
                    echo "substitute(): ERROR: '$_name' is not the name of a variable" >&2
                    return 1
                fi
                if [ -z "${!_name+x}" ]; then
                    echo "substitute(): ERROR: variable $_name is not set" >&2
                    return 1
                fi
                _text="${_text//"@$_name@"/"${!_name}"}"
                shift 2
                ;;
            --subst-var-by)
                _text="${_text//"@$2@"/"$3"}"
                shift 3
                ;;
            *)
                echo "substitute(): ERROR: unknown option: $1" >&2
                return 1
                ;;
        esac
    done
}

substitute() { # IN OUT OPTION...
    local _input="$1" _output="$2" _contents
    shift 2
    if [ ! -f "$_input" ]; then
        echo "substitute(): ERROR: file '$_input' does not exist" >&2
        return 1
    fi
    consumeEntire _contents < "$_input"
    _substituteStream _contents "file '$_input'" "$@"
    # In place: the mode of the file stays as it is.
    printf '%s' "$_contents" > "$_output"
}

substituteInPlace() { # FILE... OPTION...
    local -a files=()
    while (($#)) && [[ $1 != --* ]]; do
        files+=("$1")
        shift
    done
    local file
    for file in "${files[@]}"; do
        substitute "$file" "$file" "$@"
    done
}

# Every exported variable with a name in lower case, as `--subst-var` would do it.
_variableOptions() {
    local variable
    while IFS= read -r variable; do
        if [[ $variable == [a-z]* ]]; then
            printf '%s\0' --subst-var "$variable"
        fi
    done < <(compgen -e | sort)
}

substituteAll() { # IN OUT
    # Names with an underscore: a local variable would hide an attribute of its name.
    local -a _options=()
    local _option
    while IFS= read -r -d '' _option; do
        _options+=("$_option")
    done < <(_variableOptions)
    substitute "$1" "$2" "${_options[@]}"
}

substituteAllInPlace() {
    local file
    for file; do
        substituteAll "$file" "$file"
    done
}
