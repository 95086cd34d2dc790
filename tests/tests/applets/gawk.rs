//! gawk: programs, options, and generated texts. Messages are not compared: they name lines.

use super::harness::{Case, case, compare, refusal, same, sandboxed};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

fn over(words: &[&str]) -> Case {
    case(words)
        .file("big", "the quick brown fox jumps over the lazy dog and runs away from it all\nlorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua ut enim ad minim veniam quis nostrud exercitation\nduis aute irure dolor in reprehenderit in voluptate velit esse cillum\n")
        .file("c", "a,b,c\n1,2,3\n,x,\n")
        .dir("d")
        .file("f", "apple pie 3\nbanana split 12\n  cherry   tart 7  \n\ndate 5 x y z\n")
        .file("n", "10 9\n2 10\n1e1 10\nabc 5\n10 10.0\n")
        .file("num", "ab12cd3.ef456g\n")
        .file("p", "root:x:0:0\nbin:y:1:2\nfoo:z:5:3\n")
        .file("para", "\n\none two\nthree\n\n\nfour\nfive six\n")
        .file("prog.awk", "# prog\nfunction dbl(x) {\n  return x * 2\n}\n\n/a/ { n++ }\nEND {\n  print n, dbl(n)\n}\n")
        .file("q", "a|b|c\n")
        .file("semi", "a;b c;d\n")
        .file("t", "a b\tc d\te\n")
        .file("w", "x 1\ny 2\nx 3\nz 4\ny 5\n")
        .any_messages()
}

#[test]
fn programs() {
    const CASES: &[&[&str]] = &[
        &["awk", "{print}", "f"],
        &["awk", "{print $1, $NF}", "f"],
        &["awk", r#"{print NR": "$0; print NF}"#, "f"],
        &["awk", "END{print NR}", "f"],
        &["awk", "/a/", "f"],
        &["awk", "!/a/", "f"],
        &["awk", "/b/,/c/", "f"],
        &["awk", "NR==2,NR==3{print $2}", "f"],
        &["awk", "-F:", "{print $1}", "p"],
        &["awk", "-F:", "$3>1{print $1,$3}", "p"],
        &["awk", "-F,", "{print $2}", "c"],
        &["awk", "-F[,:]", "{print $2}", "c", "p"],
        &["awk", "-F|", "{print $2}", "q"],
        &["awk", r#"-F\\|"#, "{print $2}", "q"],
        &["awk", r#"-F\t"#, "{print $2}", "t"],
        &["awk", r#"BEGIN{FS=","}{print $1}"#, "c"],
        &["awk", r#"BEGIN{OFS="-"}{$1=$1}1"#, "f"],
        &["awk", r#"{$3="x"}1"#, "f"],
        &["awk", r#"{$7="z"; print; print NF}"#, "f"],
        &["awk", "{NF=2}1", "f"],
        &["awk", "{NF=5; print}", "OFS=,", "f"],
        &["awk", r#"{$0="a b c"; print $2, NF}"#, "f"],
        &["awk", r#"{sub(/a/,"[&]"); print}"#, "f"],
        &["awk", r#"{gsub(/[aeiou]/,"<&>"); print}"#, "f"],
        &["awk", r#"{gsub(/x*/,"-"); print}"#, "f"],
        &["awk", r#"{n=gsub(/o/,"0"); print n, $0}"#, "f"],
        &["awk", r#"BEGIN{s="aaa"; gsub(/a/,"\\&b",s); print s}"#],
        &[
            "awk",
            r#"BEGIN{s="hello"; print gensub(/(h)(e)/,"\\2\\1","g",s)}"#,
        ],
        &["awk", r#"BEGIN{print gensub(/o/,"0",2,"foo boo")}"#],
        &["awk", r#"BEGIN{print length("abc"), length(), length}"#],
        &["awk", "{print length}", "f"],
        &["awk", r#"BEGIN{n=split("a:b:c",x,":"); print n,x[1],x[3]}"#],
        &["awk", r#"BEGIN{n=split("  a b  c ",x); print n,x[1],x[3]}"#],
        &[
            "awk",
            r#"BEGIN{n=split("a1b22c",x,/[0-9]+/,s); print n,x[2],s[2]}"#,
        ],
        &["awk", r#"BEGIN{n=split("abc",x,""); print n,x[1],x[3]}"#],
        &["awk", r#"BEGIN{n=split("",x); print n}"#],
        &[
            "awk",
            r#"BEGIN{print match("foobar",/o+/), RSTART, RLENGTH; print match("x",/y/), RSTART, RLENGTH}"#,
        ],
        &[
            "awk",
            r#"BEGIN{match("foo123bar",/([a-z]+)([0-9]+)/,m); print m[0],m[1],m[2],m[1,"start"],m[2,"length"]}"#,
        ],
        &["awk", r#"BEGIN{print toupper("aBc"), tolower("AbC")}"#],
        &[
            "awk",
            r#"BEGIN{printf "%d %i %5d|%-5d|%05d|%+d\n", 42, 3.9, 7, 7, 7, 7}"#,
        ],
        &[
            "awk",
            r#"BEGIN{printf "%s|%5s|%-5s|%.2s|%5.1s|\n", "abc","abc","abc","abc","abc"}"#,
        ],
        &[
            "awk",
            r#"BEGIN{printf "%f %.2f %e %g %G %g %g\n", 3.14159, 2.5, 12345.678, 0.0001, 1e-10, 1e6, 123456789}"#,
        ],
        &[
            "awk",
            r#"BEGIN{printf "%x %X %o %u %#x %#o %c%c%c\n", 255, 255, 8, 3, 255, 8, 65, "hello", 256+66}"#,
        ],
        &[
            "awk",
            r#"BEGIN{printf "%*d|%-*d|%.*f\n", 5, 42, 5, 42, 2, 3.14159}"#,
        ],
        &["awk", r#"BEGIN{printf "%5%|%%\n"}"#],
        &["awk", r#"BEGIN{printf "%s %s\n", 1e6, 0.1+0.2}"#],
        &[
            "awk",
            "BEGIN{print 1e6, 1e20, 123456789012345678, 0.1+0.2, 1/3, 100000*100000, 2^53, 2^53+1, -0, 1e300*10}",
        ],
        &[
            "awk",
            r#"BEGIN{print 3.0, "3.0"+0, 1e3, "0x10"+0, ".5"+0, "1e2x"+0, "+5"+0, "- 5"+0}"#,
        ],
        &[
            "awk",
            r#"BEGIN{OFMT="%.2f"; print 3.14159, 3.14159 ""; CONVFMT="%.3f"; print 3.14159 "", 17 ""}"#,
        ],
        &[
            "awk",
            "BEGIN{print 7%3, -7%3, 7%-3, 5.5%2, 2^10, 2**3, 2^-1, 2^0.5, -2^2}",
        ],
        &[
            "awk",
            r#"BEGIN{print 1==1.0, "a"<"b", "10"<"9", 10<9, "abc"<1}"#,
        ],
        &["awk", "{print ($1<$2), ($1==$2)}", "n"],
        &["awk", r#"{print ($1=="10"), ($1==10)}"#, "n"],
        &["awk", r#"BEGIN{print 1 " " 2, 1+1 "x", -1 " " -1}"#],
        &["awk", "BEGIN{x=5; print x++ + ++x, x--, --x, x}"],
        &[
            "awk",
            "BEGIN{a=b=3; a+=2; b*=4; a-=1; b/=3; a^=2; b%=3; print a,b}",
        ],
        &["awk", r#"BEGIN{print !0, !1, !"", !"a", !x, - -3, !x+1}"#],
        &["awk", "BEGIN{print 1?2:3, 0?2:1?4:5}"],
        &[
            "awk",
            "BEGIN{print (1,2) in a; a[1,2]=3; print (1,2) in a; for(k in a){split(k,p,SUBSEP); print p[1],p[2]}}",
        ],
        &[
            "awk",
            r#"BEGIN{a["x"]; print length(a), ("x" in a), ("y" in a); delete a["x"]; print length(a)}"#,
        ],
        &[
            "awk",
            "BEGIN{for(i=0;i<5;i++){if(i==1)continue;if(i==4)break;print i}}",
        ],
        &[
            "awk",
            "BEGIN{i=0;while(i<3){print i++};do{print i--}while(i>1)}",
        ],
        &["awk", "BEGIN{while(1){if(++i>3)break};print i}"],
        &["awk", "function f(x,y){y=x*2;return y+1}BEGIN{print f(3)}"],
        &[
            "awk",
            "function fac(n){return n<=1?1:n*fac(n-1)}BEGIN{print fac(10)}",
        ],
        &["awk", r#"function g(a){a["k"]=5}BEGIN{g(b);print b["k"]}"#],
        &[
            "awk",
            "function g(a,i){a[i]=i;if(i<3)g(a,i+1)}BEGIN{g(b,1);print length(b),b[3]}",
        ],
        &[
            "awk",
            r#"function f(s){s="changed"}BEGIN{x="orig";f(x);print x}"#,
        ],
        &["awk", "{a[$1]++}END{for(k in a)print k,a[k]}", "w"],
        &[
            "awk",
            "{for(i=1;i<=NF;i++)c[$i]++}END{for(k in c)print k,c[k]}",
            "big",
        ],
        &["awk", "{a[NR]=$0}END{for(i in a)print i,a[i]}", "big"],
        &["awk", "{a[NR]=$0}END{for(i=NR;i>0;i--)print a[i]}", "f"],
        &[
            "awk",
            r#"BEGIN{for(i=0;i<3000;i+=1)a[i]=i;n=0;for(k in a)s=s " " k;print s}"#,
        ],
        &[
            "awk",
            r#"BEGIN{for(i=0;i<200;i++)a["k" i]=i;for(k in a)print k}"#,
        ],
        &[
            "awk",
            r#"BEGIN{for(i=0;i<3000;i++)a["key" i]=i;for(k in a)s=s k;print s}"#,
        ],
        &[
            "awk",
            r#"BEGIN{a["x"];a[1];a["y"];a[5];a[3];for(k in a)print k}"#,
        ],
        &[
            "awk",
            r#"BEGIN{a[1];a["x"];a["y"];a[5];a[3];a["z"];for(k in a)print k}"#,
        ],
        &[
            "awk",
            "BEGIN{a[3];a[1];a[2];delete a[1];a[0];for(k in a)print k}",
        ],
        &[
            "awk",
            r#"BEGIN{a["p"];a["q"];a["r"];delete a["q"];a["s"];a["q"];for(k in a)print k}"#,
        ],
        &[
            "awk",
            r#"BEGIN{a["01"];a["1"];a["1.5"];a["-1"];for(k in a)print k}"#,
        ],
        &[
            "awk",
            r#"BEGIN{PROCINFO["sorted_in"]="@ind_str_asc";a["b"];a["a"];a["c"];for(k in a)print k}"#,
        ],
        &[
            "awk",
            r#"BEGIN{PROCINFO["sorted_in"]="@ind_num_desc";a[10];a[9];a[100];for(k in a)print k}"#,
        ],
        &[
            "awk",
            r#"BEGIN{PROCINFO["sorted_in"]="@val_num_asc";a["x"]=3;a["y"]=1;a["z"]=2;for(k in a)print k,a[k]}"#,
        ],
        &[
            "awk",
            r#"BEGIN{PROCINFO["sorted_in"]="@val_str_desc";a["x"]="c";a["y"]="a";a["z"]="b";for(k in a)print k,a[k]}"#,
        ],
        &[
            "awk",
            r#"BEGIN{a[1]="c";a[2]="a";a[3]="b";n=asort(a);for(i=1;i<=n;i++)print a[i]}"#,
        ],
        &[
            "awk",
            r#"BEGIN{a["c"]=1;a["a"]=2;n=asorti(a,b);for(i=1;i<=n;i++)print b[i]}"#,
        ],
        &[
            "awk",
            r#"BEGIN{a[1]=10;a[2]="9";a[3]=2;a[4]="abc";n=asort(a);for(i=1;i<=n;i++)print a[i]}"#,
        ],
        &["awk", "NR==1{next}{print}", "f"],
        &["awk", "FNR==2{nextfile}{print FILENAME, $1}", "f", "w"],
        &["awk", "{print FILENAME, FNR, NR}", "f", "w"],
        &["awk", r#"BEGIN{exit 3}END{print "end"}"#],
        &["awk", "{exit}END{print NR; exit 4}", "f"],
        &["awk", "NR==1{getline; print; getline x; print x, NR}", "f"],
        &["awk", r#"BEGIN{while(getline<"f")n++;print n, NR}"#],
        &[
            "awk",
            r#"BEGIN{print "x" > "out"; print "y" > "out"; print "z" >> "out2"; printf "%s\n","w" > "out3"}"#,
        ],
        &["awk", r#"{print > $1 ".txt"}"#, "w"],
        &["awk", r#"BEGIN{RS=""}{print NR": "$1"|"$NF"|"NF}"#, "para"],
        &["awk", r#"BEGIN{RS="";FS="\n"}{print $1"|"$2}"#, "para"],
        &["awk", r#"BEGIN{RS=";"}{print NR, $0}"#, "semi"],
        &["awk", r#"BEGIN{RS="[0-9]+"}{print NR, $0, RT}"#, "num"],
        &["awk", "-v", r#"RS=\n\n+"#, r#"{print NR": "$0}"#, "para"],
        &["awk", r#"BEGIN{ORS="|"}{print $1}"#, "f"],
        &["awk", "-v", "x=5", "BEGIN{print x+1}"],
        &["awk", "-v", r#"x=a\tb"#, "BEGIN{print x}"],
        &["awk", "{print x, $1}", "x=1", "f", "x=2", "f"],
        &[
            "awk",
            "BEGIN{print ARGC, ARGV[0], ARGV[1], ARGV[2]}",
            "a",
            "b",
        ],
        &["awk", r#"BEGIN{print ENVIRON["LC_ALL"]}"#],
        &["awk", "-f", "prog.awk", "f"],
        &["awk", "-f", "prog.awk", "-v", "z=1", "f"],
        &[
            "awk",
            r#"BEGIN { if (!("x" in a)) print "no"; else print "yes" }"#,
        ],
        &[
            "awk",
            r#"BEGIN { if (1) { print "a" } else print "b"; if (0) print "c"; else if (1) print "d" }"#,
        ],
        &[
            "awk",
            r#"BEGIN{print length(12345), 1==1, "a" "b" == "ab"}"#,
        ],
        &[
            "awk",
            r#"$1 ~ /^a/ {print "m", $0} $1 !~ /^a/ {print "n", $0}"#,
            "f",
        ],
        &["awk", r#"$2 ~ "p+" {print}"#, "f"],
        &[
            "awk",
            r#"BEGIN{r="^[a-c]+$"; print "abc" ~ r, "abd" ~ r, "a.c" ~ "a\\.c", "axc" ~ "a\\.c", "a+b" ~ /a\+b/}"#,
        ],
        &[
            "awk",
            r#"BEGIN{print "a/b" ~ /a\/b/, "x]" ~ /[]x]+$/, "a-b" ~ /[a\-]-/, "tab\t" ~ /\t$/, "a.b" ~ /a[.]b/, "é" ~ /^..$/}"#,
        ],
        &[
            "awk",
            r#"BEGIN{print "foo bar" ~ /\<bar\>/, "foobar" ~ /\ybar/, "ab1_" ~ /^\w+$/, "a b" ~ /\s/}"#,
        ],
        &[
            "awk",
            r#"BEGIN{print "aaa" ~ /^a{2,3}$/, "a{2}" ~ /a{2}/, "ab" ~ /(a|b){2}/}"#,
        ],
        &[
            "awk",
            r#"BEGIN{print strtonum("0x1F"), strtonum("010"), strtonum("12abc"), and(12,10), or(12,10), xor(12,10), lshift(1,4), rshift(16,2), compl(0)}"#,
        ],
        &[
            "awk",
            r#"BEGIN{print strftime("%Y-%m-%d %H:%M:%S", 0), mktime("2000 01 01 00 00 00"), strftime("%a %b %e %j %u", 1e9, 1)}"#,
        ],
        &[
            "awk",
            r#"BEGIN{print int(3.9), int(-3.9), int("4x"), sqrt(16), exp(0), log(1), sin(0), cos(0), atan2(0,-1)}"#,
        ],
        &[
            "awk",
            r#"BEGIN{printf "%.3f %.3f %.3f\n", exp(1), log(10), sin(1)}"#,
        ],
        &["awk", "{print $(-1)}", "f"],
        &["awk", "END{print $0, NF}", "f"],
        &["awk", r#"BEGIN{printf "no newline"}"#],
        &["awk", r#"{$2=""; print}"#, "f"],
        &["awk", r#"{print $NF; $NF=""; print NF; print}"#, "f"],
        &["awk", "{t=$1; $1=$2; $2=t; print}", "f"],
        &["awk", "{s+=$1}END{print s, s/NR}", "n"],
        &["awk", "max<$1{max=$1}END{print max}", "n"],
        &["awk", "length($0)>10", "f"],
        &["awk", "NR%2", "f"],
        &["awk", "!seen[$1]++", "w"],
        &["awk", r#"{a[$1]=a[$1] " " $2}END{print a["x"]}"#, "w"],
        &["awk", r#"BEGIN{print index("abc", "c") substr("abc", 2)}"#],
        &[
            "awk",
            "BEGIN{print -3 % 2, 2 ^ 3 ^ 2, (2^3)^2, 10 - 5 - 2, 100/10/2}",
        ],
        &[
            "awk",
            r#"BEGIN{print 1 - 1 " " 2; print 2 " " -1; x = 3; print x -1, x " " -1}"#,
        ],
        &["awk", r#"BEGIN{x["a"]=1; delete x; print length(x)}"#],
        &[
            "awk",
            r#"BEGIN { printf("%s %d\n", "paren", 5); print("a", "b"); print("x")("y") }"#,
        ],
        &[
            "awk",
            r#"BEGIN { print (1)(2); print(1)(2) > "/dev/stdout" }"#,
        ],
        &[
            "awk",
            "function f(a) { a = a + 1; return a } { print f($1) }",
            "n",
        ],
        &["awk", "{ print; fflush() }", "f"],
        &[
            "awk",
            r#"BEGIN { $0 = "a b c"; print NF; $5 = "e"; print; print NF }"#,
        ],
        &["awk", r#"BEGIN { $3 = "x"; print NF; print }"#],
        &["awk", r#"{ gsub(/a|b/, "(&)"); print }"#, "f"],
        &["awk", r#"{ gsub("[.]", "\\."); print }"#, "num"],
        &[
            "awk",
            r#"BEGIN { s = "a.b.c"; gsub(/\./, "-", s); print s; gsub("-", ".", s); print s }"#,
        ],
        &[
            "awk",
            r#"BEGIN { s = "abc"; sub(/b/, "\\\\&", s); print s }"#,
        ],
        &[
            "awk",
            r#"BEGIN { s="path/to/file"; n=split(s,p,"/"); print p[n]; sub(/.*\//,"",s); print s }"#,
        ],
        &[
            "awk",
            r#"BEGIN { printf "%d %s\n", "3abc", 3.0; printf "%5.2f|%-8.3e|\n", 3.14159, 31415.9 }"#,
        ],
        &["awk", "BEGIN { print length(a); a[1]; print length(a) }"],
        &["awk", "BEGIN { print 1e400, -1e400, log(0) }"],
        &["awk", "nofile"],
        &["awk", "{print}", "nofile", "f"],
        &["awk", "{print}", "d", "f"],
        &["awk", r#"BEGIN { RS="\0" } { print }"#, "f"],
        &["awk", "-F", "", "{print $2}", "f"],
        &["awk", "-F", " ", "{print $2}", "f"],
        &["awk", "-F", "o", "{print $2}", "f"],
        &["awk", "-F", ".", "{print $2}", "num"],
        &["awk", r#"BEGIN{FS="[ ]"}{print NF}"#, "f"],
        &[
            "awk",
            r#"BEGIN { OFS=":"; $0="a b c"; $1=$1; print; print $0 }"#,
        ],
    ];
    same(CASES.iter().map(|words| over(words)).collect());
}

#[test]
fn refusals() {
    if sandboxed(&[]).is_none() {
        return;
    }
    for program in [
        "BEGIN { print rand() }",
        "BEGIN { srand(); }",
        "BEGIN { print systime() }",
        "BEGIN { a[1][2] = 3 }",
        "BEGIN { switch (1) { case 1: print } }",
        "BEGIN { FPAT = \"x\" }",
        "BEGIN { IGNORECASE = 1 }",
        "BEGIN { print |& \"cat\" }",
        "BEGIN { for (k in ENVIRON) print ENVIRON[k] }",
        "BEGIN { ENVIRON[\"x\"] = 1 }",
        "BEGIN { a[-1]; a[-2]; for (k in a) print k }",
        "BEGIN { print 1 / 0 }",
        "BEGIN { print substr(\"abc\", 0, 2) }",
        "BEGINFILE { print }",
        "BEGIN { print \"\\q\" }",
        "BEGIN {",
    ] {
        assert!(refusal(&case(&["gawk", program])).is_some(), "{program}");
    }
    assert!(refusal(&case(&["awk", "--posix", "BEGIN { print }"])).is_some());
}

/// Words in all kinds of order: fields, arrays and their order, and substitutions.
#[test]
fn generated_texts() {
    const PROGRAMS: &[&str] = &[
        "{ for (i = 1; i <= NF; i++) c[$i]++ } END { for (k in c) print k, c[k] }",
        "{ a[NR] = $0 } END { for (k in a) print k, a[k] }",
        "{ a[$1] = NR; delete a[$2] } END { print length(a) }",
        "{ $2 = $2 \"x\"; print; print NF }",
        "{ gsub(/[ab]+/, \"<&>\"); print }",
        "{ gsub(/b*/, \"-\"); print }",
        "{ print gensub(/(.)(.)/, \"\\\\2\\\\1\", \"g\") }",
        "{ n = split($0, p, /[0-9]/, s); for (i = 1; i <= n; i++) printf \"[%s|%s]\", p[i], s[i] }",
        "{ print match($0, /(a|b)+([0-9]*)/, m), RSTART, RLENGTH, m[0], m[1], m[2] }",
        "$1 < $2 { print $1, $2 } $1 == $3",
        "{ s += $1; t = t $NF } END { print s, t }",
        "{ printf \"%5s|%-4d|%.3f|%g|%c\\n\", $1, $2, $3, $1, NR }",
        "BEGIN { RS = \"[ab]\" } { print NR, $0, RT }",
        "BEGIN { RS = \"\" } { print NR, NF, $1 }",
        "BEGIN { FS = \"[0-9]\" } { print $2, NF }",
        "{ print toupper($1) substr($0, 2, 3), index($0, \"a\"), length }",
        "/a/, /b/ { print NR }",
        "{ c[$1]++ } END { PROCINFO[\"sorted_in\"] = \"@ind_str_asc\"; for (k in c) print k, c[k] }",
    ];
    let word = prop_oneof![
        2 => "[ab]{1,3}",
        2 => "[0-9]{1,2}",
        1 => "[ab][0-9]",
        1 => "[0-9]\\.[0-9]",
        1 => "-?[0-9]e[0-9]",
    ];
    let line = prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "));
    let strategy = (prop::collection::vec(line, 0..40), 0..PROGRAMS.len());
    let mut runner = TestRunner::new(Config::default());
    let mut cases = Vec::new();
    for _ in 0..250 {
        let (lines, program) = strategy.new_tree(&mut runner).expect("a text").current();
        let mut text = lines.join("\n");
        if !text.is_empty() && program % 2 == 0 {
            text.push('\n');
        }
        cases.push(case(&["awk", PROGRAMS[program]]).stdin(text).any_messages());
    }
    // Scattered numbers and numbers mixed with words have an order that is refused.
    let differences: Vec<String> = compare(&cases)
        .into_iter()
        .filter(|it| !it.contains("'in' over"))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// `for (name in ENVIRON)`, as today's `substituteAll` of nixpkgs has it: the order follows from the
/// order of the environment.
#[test]
fn the_environment() {
    const PROGRAM: &str = "BEGIN { for (v in ENVIRON) if (v ~ /^[a-z][a-zA-Z0-9_]*$/) print v
        for (v in ENVIRON) print v; print length(ENVIRON), ENVIRON[\"a\"], \"b\" in ENVIRON }";
    let name = prop_oneof![
        4 => "[a-z]{1,3}",
        4 => "[a-z]{4,8}[A-Z][a-z]{2,5}",
        1 => "[A-Z]{2,5}",
        1 => "[0-9]{1,2}",
        1 => "AWK(LIB)?PATH",
    ];
    let strategy = prop::collection::vec(name, 0..400);
    let mut runner = TestRunner::new(Config::default());
    let mut cases = Vec::new();
    for count in [1, 2, 8, 30, 60, 120, 250, 400].repeat(12) {
        let mut names = strategy.new_tree(&mut runner).expect("names").current();
        names.truncate(count);
        let mut words = vec!["env".into(), "-i".into()];
        words.extend(names.into_iter().map(|name| format!("{name}=1")));
        words.extend([
            "PATH=@DIR@:/usr/bin:/build/bin".into(),
            "gawk".into(),
            PROGRAM.into(),
        ]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        cases.push(case(&words));
    }
    same(cases);
}
