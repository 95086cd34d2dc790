words=/usr/share/dict/words
# remove from here
echo "this line is taken out by a patch"
# to here
case "${1-}" in
    --version) echo "greeter $version"; exit ;;
esac
while read -r word; do
    echo "hello, $word"
done < "$words"
