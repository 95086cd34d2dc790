# Filters: sort, uniq, tr, cut, head, tail, wc, tee, tac.
printf '%s\n' 'b 10 x' 'a 9 y' 'c 10 z' 'a 9 y' 'B 1 w' > table
{
    sort table; sort -r -k2,2n -k1,1 table; sort -u table; sort -t ' ' -k 3.1,3.1r -s table; sort -f table | uniq -i -c; sort -c table 2> /dev/null || echo unsorted
    uniq -d <(sort table); uniq -u <(sort table); cut -d ' ' -f 1,3 table; cut -c 1-3,5- table; cut -f 2- -d ' ' --output-delimiter=, table
    head -n 2 table; head -c 5 table; echo; head -n -3 table; tail -n 2 table; tail -n +4 table; tail -c 3 table; wc table | tr -s ' '; wc -l -c < table | tr -s ' '
    tr -d 0-9 < table; tr -s 'a-z' < table; tr '[:lower:]' '[:upper:]' < table; tr ' \n' ',;' < table; echo; tr -cd '[:digit:]\n' < table; tac table
    echo copy | tee first second; cat first second - <<< third; cat -n table; cat -A <<< $'tab\tend '; cat -s <<< $'a\n\n\n\nb'
    echo "$LC_ALL"; printf '\303\244\n\141\n\132\n' | sort
} > $out
