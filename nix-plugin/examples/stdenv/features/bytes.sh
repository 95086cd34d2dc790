# Bytes that are not UTF-8, long texts, and many files.
mkdir $out
printf '\377\376latin \344\366\374\n' > $out/raw
value=$(cat $out/raw); printf '%s|%s' "${#value}" "${value:0:3}" > $out/cut; printf '%s' "${value//latin/$'\xe9'}" > $out/replaced
[[ $value == $'\377'* ]] && echo "starts with 0xff" > $out/test
printf -v long '%05000d' 7; echo "${#long} ${long//0/ab}" > $out/long
for ((i = 0; i < 120; i++)); do echo "$i" > "$out/file-$((i % 12)).$((i / 12))"; done
cat $out/file-*.9 | sort -n | tail -n 1 > $out/top; number=$(ls $out | wc -l); echo $number > $out/number
mkdir "$out/odd names"; touch "$out/odd names/"{' leading','trailing ','a"b',"c'd",'e\f','*','new
line','-dash'}
(cd "$out/odd names"; for f in *; do printf '%q\n' "$f"; done) > $out/odd
declare -A seen=(); while IFS= read -r line; do seen[${line:0:1}]+=. ; done < <(seq_of() { for ((n = $1; n <= $2; n++)); do echo "$n"; done; }; seq_of 1 300)
echo "${seen[1]:+${#seen[1]}} ${#seen[3]}" > $out/seen
