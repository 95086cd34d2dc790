# mkdir, mv, cp, ln, chmod, rm, touch, install: the trees that they make.
mkdir -p $out/{a/b,c} work/sub
cd work
echo text > plain; printf '#!/bin/sh\n' > sub/run; chmod +x sub/run
ln -s plain link; ln -s sub/../sub folder; ln -s /nowhere dangling
cp -prd . $out/copy
cp -r . $out/followed 2> /dev/null || true
cp -L link $out/a/real; cp -P link $out/a/link; cp -d dangling $out/a/
cp --preserve=mode,timestamps sub/run $out/a/run; cp --no-preserve=mode sub/run $out/a/not-executable
cp -t $out/c plain sub/run; cp -T plain $out/c/renamed; cp -f plain $out/c/run
chmod -R a-x,u+X $out/followed; chmod 755 $out/c/plain; chmod u=rw,go=r $out/c/plain
mv plain $out/a/moved; mv -f -t $out/a/b link folder; mv -n $out/a/moved $out/a/run; mv sub $out/sub
cd $out
ln -s ../c a/up; ln -sf c target; ln -sfn a target; ln -fs c/renamed forced; ln -s -t a/b ../run
ln -sr c/renamed a/b/relative; ln c/renamed hard
touch -d @5 empty; touch empty
install -D -m 755 c/renamed bin/installed; install -d share/doc; install -m644 -t share/doc c/renamed
rm -f none; rm -r a/b/run; rmdir -p --ignore-fail-on-non-empty share/none 2> /dev/null || true
mkdir -m 700 private; mkdir -p c c/d; rm -rf c/d; unlink hard
find . | sort > /build/list; mv /build/list list
