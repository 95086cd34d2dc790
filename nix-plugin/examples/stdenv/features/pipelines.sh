# Pipelines: loops as stages, PIPESTATUS, pipefail, process substitution, descriptors.
mkdir $out
printf '%s\n' c a b a | sort | uniq -c | while read -r count word; do
    echo "$word:$count"
done > $out/counted
find "$systemd" -type f -print0 | sort -z | while IFS= read -r -d '' file; do
    echo "${file#"$systemd"/}"
done > $out/files
set +e +o pipefail
false | true | (exit 4)
echo "${PIPESTATUS[*]}" > $out/status
set -o pipefail
false | true
echo "$?" >> $out/status
set -e
yes again | head -n 3 > $out/head || [ $? = 141 ]
# What head has read too much of a file is there for the next program.
printf '%s\n' 1 2 3 4 5 > numbers
{ head -n 1 > $out/first; head -c 2; sed -n 2p; cat; } < numbers > $out/rest || true
paste_lines() {
    while IFS= read -r -u 3 left && IFS= read -r -u 4 right; do
        echo "$left $right"
    done 3< "$1" 4< "$2"
}
paste_lines <(printf '%s\n' 1 2 3) <(printf '%s\n' one two three) > $out/pasted
tee >(tr a-z A-Z > $out/upper) < $out/pasted | wc -l | tr -d ' ' > $out/count
while [ ! -s $out/upper ]; do sleep 0.01; done
exec {fd}> $out/descriptor
echo "through a variable" >&"$fd"
{ echo out; echo err >&2; } 2>&1 1>&"$fd" | sed -e 's/^/caught: /' > $out/errors
exec {fd}>&-
{ echo one; echo two; } >> $out/descriptor
echo "both" &> $out/both
cat < $out/both > $out/copied 2> /dev/null
(echo background > $out/background) &
wait $!
jobs > $out/jobs
x=$(cat <(echo nested $(echo deep | cat)))
echo "$x" > $out/nested
