# Parameter expansion: every operator, quoted and not.
x=path/to/file.tar.gz; e=; unset u
echo "${x#*/}" "${x##*/}" "${x%.*}" "${x%%.*}" "${x/to/TO}" "${x//t/T}" "${x/#path/P}" "${x/%gz/xz}"
echo "${u-a}" "${u:-b}" "${e-c}" "${e:-d}" "${x+f}" "${e:+g}" "[${u+h}]" "${u:=i}" "$u"
echo "${x:5}" "${x:5:2}" "${x: -2}" "${x:0:-3}" "${#x}" "${x^}" "${x^^}" "${x^^[pt]}"
y=x; echo "${!y}" "${x@Q}" "${e@Q}" "${x@U}"
set -- 'a b' c; printf '<%s>' $@ "$@" "$*" "${@:2}" "${#}"; echo
echo ${x//[aeiou]/_} "${x//\//:}" "${x/*/&&}" "${x/to/[&]}"
echo "${u-"q q"}" ${u-"q q"} "${z:-'s s'}" "${z:-a   b}"
v1=1 v2=2; echo "${!v@}" "${!v*}"
