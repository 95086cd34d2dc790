# find and xargs: tests, operators, actions, and lists of names.
mkdir -p tree/{bin,lib/sub,empty,'with space'} && cd tree
echo x > bin/tool; chmod +x bin/tool; echo longer text > lib/a.so; ln -s a.so lib/b.so; : > lib/sub/c.la; echo n > 'with space/new
line'; ln -s none lib/broken; touch -d @100 lib/a.so
{
    find . -type f | sort; find lib -name '*.so' -o -name '*.la' | sort; find . -type d -empty; find . -iname '*.LA' -not -path './x/*'
    find . -type f -perm -0100 -print; find . -maxdepth 1 -mindepth 1 -type d | sort; find . -xtype l; find lib -type l -printf '%f -> %l\n' | sort
    find . \( -name sub -prune \) -o -type f -print | sort; find . -size -2c -type f | sort; find lib -newer lib/a.so -type f; find bin lib -depth -name '*o*' | sort
    find . -type f -exec basename {} \; | sort; find lib -type f -exec echo + {} + | wc -w | tr -d ' '; find . -regex './lib/.*\.so' | sort; find . -name none -quit
    find . -type f -print0 | sort -z | xargs -0 -n 1 printf '<%s>\n'; find . -name no-such -print0 | xargs -0 -r echo never
    printf '%s\n' 1 2 3 4 5 | xargs -n 2 echo; printf '%s\n' a 'b c' | xargs -d '\n' -I{} echo '[{}]'; echo '"q r" s\ t' | xargs -n 1
    printf '%s\0' 3 1 2 | xargs -0 -n 1 -P 4 echo | sort; echo x | xargs sh -c 'echo "$0 $1"' zero; echo | xargs -r echo none
    echo a b | xargs -n 1 sh -c 'test "$0" = a' || echo "status $?"; find . -name '*.la' -delete; find . -name '*.la' | wc -l | tr -d ' '
} > $out
