# What attributes become: lists, numbers, booleans and null.
mkdir $out
declare -a items=()
concatTo items list missing=default
printf '<%s>' "${items[@]}" > $out/list
printf '%s|%s|%s|%s\n' "$number" "$yes" "$no" "${nothing-unset}" > $out/scalars
printf '%s' "$text" > $out/text
appendToVar list "delta epsilon" zeta
prependToVar list omega
concatStringsSep ", " list > $out/joined
isArray list && echo array > $out/kind || echo string > $out/kind
