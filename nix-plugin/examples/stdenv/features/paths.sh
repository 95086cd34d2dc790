# Names of files: basename, dirname, readlink, realpath, pwd, mktemp, and $BASH_SOURCE.
mkdir -p real/deep && ln -s real link && ln -s ../link/deep real/loop && : > real/file
{
    basename /a/b/c.txt .txt; basename -- /a/b/; basename -a x/1 y/2; basename /
    dirname /a/b/c a b/ /; dirname -- -x/y
    readlink link; readlink -f link/loop; readlink -e link/none || echo "status $?"; readlink -m link/none/x
    readlink -f "$systemd/sbin/systemctl" | sed -e 's|.*/||'
    realpath link/file; realpath -m no/such/../place; realpath -e none 2>&1 || echo "status $?"
    realpath -s link/file; realpath --relative-to=real/deep link/file
    cd link; pwd; pwd -P; cd ..; cd -- real/deep; echo "${PWD##*/} ${OLDPWD##*/}"; cd - > /dev/null
    pushd real > /dev/null; dirs; popd > /dev/null; dirs
    file=$(mktemp); folder=$(mktemp -d); named=$(mktemp -d -t name.XXXXXX); inside=$(mktemp -p "$folder" x.XXXX)
    [[ -f $file && -d $folder && -d $named && -f $inside && ${named##*/} == name.?????? && $file == /build/tmp.* ]] && echo "temporary"
    rm -r "$folder" "$named" "$file"
    echo 'echo "sourced ${BASH_SOURCE##*/} from $1"' > part.sh
    source ./part.sh argument
    echo "$stdenv" | grep -o -E 'stdenv-linux$'
    stripHash "$systemd/sub/../$(basename "$systemd")"
} > $out
