# The setup script's own means: hooks, substitute, search paths, outputs.
mkdir -p $out/bin $out/share
addHook sample 'echo "piece of code $1"'
sampleFunction() { echo "function $1"; }
addHook sample sampleFunction
sample='echo "the variable"'
{
    runHook sample argument
    addHook choose 'false'; addHook choose 'echo "second $1"'; addHook choose 'echo never'
    runOneHook choose x
    runOneHook noSuchHook || echo "none took it"
} > $out/hooks
addToSearchPath SEARCH $out/bin; addToSearchPath SEARCH $out/share; addToSearchPath SEARCH $out/bin; addToSearchPath SEARCH /none
addToSearchPathWithDelimiter ';' OTHER $out/share
echo "$SEARCH" "$OTHER" > $out/search
printf 'a @name@ b @number@ c\n@text@ & \\ end, without newline' > template
export text number
substitute template $out/share/one --subst-var name --subst-var-by number 'by & \1' --replace-fail ' c' $' C\n'
substitute template $out/share/two --subst-var text --replace-warn nowhere else --replace-quiet 'a ' ''
cp template $out/share/three; substituteInPlace $out/share/three $out/share/one --replace-quiet ' & ' ' and '
substituteAll template $out/share/four
(substitute template x --replace-fail nowhere else) 2> message || sed -e 's/^/refused: /' message > $out/refused
printf 'z\0z' > binary; (substitute binary x) 2>> $out/refused || true
printf '#!/usr/bin/env bash\necho hi\n' > $out/bin/script; printf '#! /bin/sh -e\n' > $out/bin/other; chmod +x $out/bin/*
prefix=$out patchShebangs $out > $out/log
outputNames > $out/outputs; echo "$outputBin $outputDev" >> $out/outputs
