printf '%s %5d|%-6.3s|%+05i %x %#o %X %c %b %q %%\n' a 1 bcde -2 255 8 16 x 'a\tb' "q 'r"
printf -v v '%*d %.*s %(%F)T %5.1f %e %g' 4 1 2 abc 0 3.14159 1e10 0x1p3; echo -e 'a\c'; declare -p v; getopts ab:c o -a -b x
