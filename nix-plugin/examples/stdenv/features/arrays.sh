# Indexed and associative arrays, slices, keys, namerefs.
{
    declare -a a=(zero [5]=five six)
    a+=(seven)
    a[2]=two
    unset 'a[5]'
    echo "${#a[@]} ${!a[*]} ${a[*]}"
    echo "${a[@]:1:2} / ${a[-1]} / ${a[@]/s/S} / ${a[*]^} / ${a[@]#s}"
    declare -p a
    declare -A map=([one]=1 ["two words"]=2 [three]=)
    map[one]+=0
    for key in "${!map[@]}"; do printf '%q=%q\n' "$key" "${map[$key]}"; done | sort
    [[ -v map[three] && ! -v map[four] ]] && echo "three is set, four is not"
    fill() {
        local -n target="$1"
        local value
        for value in "${@:2}"; do target+=("<$value>"); done
    }
    declare -a filled
    fill filled x "y z"
    printf '%s\n' "${filled[@]}"
    IFS=, read -r -a split <<< "p,q,,r"
    echo "${#split[@]}:${split[*]@Q}"
    mapfile -t lines < <(printf 'l1\nl2\nl3')
    echo "${lines[1]} ${#lines[@]}"
    set -- "${lines[@]}"
    shift
    echo "$# ${*: -1} ${!#}"
} > $out
