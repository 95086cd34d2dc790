//! jq: programs, options and generated values. Messages are not compared: versions word them
//! differently, so an applet's need not be those of one.

use super::harness::{Case, case, compare, native, refusal, same, sandboxed};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

const OBJECT: &str =
    r#"{"name":"x y","n":12,"list":[3,1,2],"obj":{"deep":5,"arr":[]},"z":null,"t":true,"e":{}}"#;

fn over(words: &[&str]) -> Case {
    case(words)
        .file("a.json", OBJECT)
        .file("b.json", "[10,20]\n")
        .file(
            "u.json",
            "[\"\\u00e9\",\"é😀\",\"a\\/b\",\"\\\"q\\\"\",\"tab\\t\"]\n",
        )
        .file("many.json", "1 2\n\"a\"[3]{\"b\":4}\nnull\n\n true")
        .file("r.txt", "line one\nline two\nlast")
        .file("prog.jq", "# prog\n.list\n| add\n")
        .any_messages()
}

#[test]
fn programs_and_options() {
    const CASES: &[&[&str]] = &[
        &["jq", ".", "a.json"],
        &["jq", "-c", ".", "a.json"],
        &["jq", "-S", ".", "a.json"],
        &["jq", "--tab", ".", "a.json"],
        &["jq", "--indent", "4", ".", "a.json"],
        &["jq", "--indent", "0", ".", "a.json"],
        &["jq", "--indent", "1", "-S", ".", "a.json"],
        &["jq", "-r", ".name", "a.json"],
        &["jq", "-j", ".name,.n", "a.json"],
        &["jq", "-a", ".", "u.json"],
        &["jq", ".", "u.json"],
        &["jq", "-r", ".[]", "u.json"],
        &["jq", "-c", ".list[]", "a.json"],
        &[
            "jq",
            "-c",
            ".list[1:3], .list[:-1], .list[-2:], .name[1:3]",
            "a.json",
        ],
        &["jq", ".list|length", "a.json"],
        &["jq", "-c", ".[]|length", "a.json"],
        &["jq", "-c", "keys, keys_unsorted", "a.json"],
        &["jq", "-c", "to_entries", "a.json"],
        &["jq", "-c", "with_entries(.value |= tostring)", "a.json"],
        &["jq", "-c", "map_values(type)", "a.json"],
        &["jq", "-c", "[.list[]|.+1]", "a.json"],
        &["jq", "-c", ".list|map(.*2)|add", "a.json"],
        &[
            "jq",
            "-n",
            "--arg",
            "a",
            "1",
            "--argjson",
            "b",
            r#"{"x":1}"#,
            "[$a,$b,$ARGS.named]",
        ],
        &["jq", "-nc", "--args", "$ARGS", "a", "b", "c"],
        &["jq", "-nc", "$ARGS", "--args", "a", "b", "c"],
        &[
            "jq",
            "-nc",
            "[$ARGS.positional[]]",
            "--jsonargs",
            "1",
            r#""x""#,
            r#"{"a":2}"#,
        ],
        &[
            "jq",
            "-nc",
            "--slurpfile",
            "f",
            "a.json",
            "--rawfile",
            "r",
            "r.txt",
            "$f,$r",
        ],
        &["jq", "-s", "-c", ".", "a.json", "u.json"],
        &["jq", "-s", "-c", ".", "many.json"],
        &["jq", "-c", ".", "many.json"],
        &["jq", "-R", ".", "r.txt"],
        &["jq", "-R", "-s", ".", "r.txt"],
        &["jq", "-nR", "[inputs]", "r.txt"],
        &["jq", "-nc", "[inputs]", "many.json"],
        &["jq", "-c", "input", "many.json"],
        &["jq", "-n", "input,input", "many.json"],
        &["jq", "-e", ".a", "a.json"],
        &["jq", "-e", ".name", "a.json"],
        &["jq", "-e", "false", "a.json"],
        &["jq", "-e", "empty", "a.json"],
        &["jq", "-f", "prog.jq", "a.json"],
        &["jq", ".a.b.c", "a.json"],
        &["jq", ".name.x", "a.json"],
        &["jq", ".list.x", "a.json"],
        &["jq", ".name[0]", "a.json"],
        &["jq", ".[]|.x", "a.json"],
        &["jq", ".n[]", "a.json"],
        &["jq", ".z[]", "a.json"],
        &["jq", "-c", ".obj.deep += 1", "a.json"],
        &["jq", "-c", ".obj.deep |= .+1", "a.json"],
        &["jq", "-c", r#".list[1] = "x""#, "a.json"],
        &["jq", "-c", r#".list[10] = "x""#, "a.json"],
        &["jq", "-c", r#".list[-1] = "x""#, "a.json"],
        &["jq", "-c", r#".list[1:2] = ["x","y","z"]"#, "a.json"],
        &["jq", "-c", "del(.list[0,2])", "a.json"],
        &["jq", "-c", "del(.obj, .name)", "a.json"],
        &["jq", "-c", "del(.list[1:])", "a.json"],
        &["jq", "-c", ".new.path[2].x = 1", "a.json"],
        &["jq", "-c", "paths", "a.json"],
        &["jq", "-c", r#"[paths(type=="number")]"#, "a.json"],
        &["jq", "-c", "[leaf_paths]", "a.json"],
        &["jq", "-c", "[..]", "a.json"],
        &["jq", "-c", "[..|numbers]", "a.json"],
        &["jq", "-c", "path(..)", "a.json"],
        &["jq", "-c", "[path(.list[],.obj)]", "a.json"],
        &["jq", "-c", "tojson, tostring", "a.json"],
        &["jq", "-c", ".list as [$a,$b] | {a:$a,b:$b}", "a.json"],
        &[
            "jq",
            "-c",
            ". as {name:$n, obj:{deep:$d}} | [$n,$d]",
            "a.json",
        ],
        &["jq", "-c", ". as {$name, list:[$x]} | [$name,$x]", "a.json"],
        &["jq", "-c", "reduce .list[] as $i (0; . + $i)", "a.json"],
        &["jq", "-c", "[foreach .list[] as $i (0; .+$i)]", "a.json"],
        &[
            "jq",
            "-c",
            "[foreach .list[] as $i (0; .+$i; [$i,.])]",
            "a.json",
        ],
        &["jq", "-c", "[limit(2;.list[])]", "a.json"],
        &["jq", "-c", "first(.list[]), first, last(.list[])", "b.json"],
        &[
            "jq",
            "-nc",
            "[range(5)],[range(2;5)],[range(0;10;3)],[range(5;0;-2)]",
        ],
        &["jq", "-nc", "[1,[2,[3,[4]]]]|flatten, flatten(1)"],
        &[
            "jq",
            "-nc",
            "[3,1,2]|sort,min,max,reverse,unique,add,any,all",
        ],
        &[
            "jq",
            "-nc",
            r#"[{"a":2,"b":1},{"a":1,"b":2},{"a":2,"b":3}]|sort_by(.a),group_by(.a),unique_by(.a),min_by(.b),max_by(.a)"#,
        ],
        &[
            "jq",
            "-nc",
            r#"[null,true,false,0,-1,"a","A","",[],{},[1],{"a":1},{"a":0},{"b":0}]|sort"#,
        ],
        &[
            "jq",
            "-nc",
            r#""abc"|test("B"),test("B";"i"),[match("(?<x>b)(c)")]"#,
        ],
        &[
            "jq",
            "-nc",
            r#""a1b22c333"|[scan("[0-9]+")],[scan("([a-z])([0-9]+)")]"#,
        ],
        &[
            "jq",
            "-nc",
            r#""a,b, c"|split(", "),split(", *";null),[splits(", *")]"#,
        ],
        &[
            "jq",
            "-nc",
            r#""foo bar foo"|sub("foo";"x"),gsub("foo";"x"),gsub("(?<a>o+)";"<\(.a)>")"#,
        ],
        &[
            "jq",
            "-nc",
            r#""xyz"|ascii_downcase,ascii_upcase,explode,(explode|implode),ltrimstr("x"),rtrimstr("z"),startswith("x"),endswith("y")"#,
        ],
        &["jq", "-nc", r#"["a","b",1,null,true]|join("-")"#],
        &["jq", "-nc", r#"[]|join(",")"#],
        &[
            "jq",
            "-nr",
            r#"[1,"a\"b",null,true]|@csv,@tsv,@sh,@json,@text,@html,@base64"#,
        ],
        &["jq", "-nr", r#""a b&c<>/?=é"|@uri,@html,@base64,@sh"#],
        &["jq", "-nr", r#""YWJj"|@base64d"#],
        &["jq", "-nr", r#"@base64 "x\(1+1)y", @json "v=\([1,"a"])""#],
        &[
            "jq",
            "-nc",
            "[1,2]|contains([1]),inside([1,2,3]),index(2),has(0),has(5)",
        ],
        &[
            "jq",
            "-nc",
            r#""foobar"|contains("bar"),index("o"),rindex("o"),indices("o")"#,
        ],
        &[
            "jq",
            "-nc",
            r#"{"a":[1,2,{"b":3}]}|[paths],[getpath(["a",2,"b"])],getpath(["x","y"])"#,
        ],
        &["jq", "-nc", "[1,[2]]|tostream"],
        &["jq", "-nc", "fromstream([1,[2]]|tostream)"],
        &["jq", "-nc", "[[1,2],[3,4]]|[combinations],transpose"],
        &[
            "jq",
            "-nc",
            r#"[1,2,3]|[limit(2;.[])],first,last,nth(1),[.[]|if .==1 then "a" elif .==2 then "b" else "c" end]"#,
        ],
        &["jq", "-nc", "[.[]?]"],
        &["jq", "-nc", r#"try error("x") catch ."#],
        &["jq", "-nc", r#"try error({"a":1}) catch .a"#],
        &["jq", "-nc", r#"[.a,.b?]|.[0]//"default""#],
        &["jq", "-nc", "(false,null,1)//2, (false,null)//3, empty//4"],
        &["jq", "-nc", "[label $out|1,2,break $out,3]"],
        &["jq", "-nc", "def f(x): x*2; f(3), def g: 4; g"],
        &[
            "jq",
            "-nc",
            "def fac: if .<=1 then 1 else .*(.-1|fac) end; [range(10)|fac]",
        ],
        &["jq", "-nc", "def f($a;$b): $a+$b; f(1;2), [f(1,2;10,20)]"],
        &["jq", "-nc", "[1,2,3]|map(select(.>1))|length"],
        &["jq", "-nc", r#"{a:1,"b c":2,("d"+"e"):3,@base64 "x":4}"#],
        &["jq", "-nc", "{a:(1,2),b:(3,4)}"],
        &["jq", "-nc", "[(1,2)+(10,20)]"],
        &["jq", "-nc", r#"["\(1,2) \(3,4)"]"#],
        &[
            "jq",
            "-nc",
            r#"{"a":{"b":1,"c":2}} * {"a":{"b":5,"d":6},"e":7}"#,
        ],
        &[
            "jq",
            "-nc",
            r#"{"a":1}+{"b":2}, [1]+[2], "a"+"b", null+1, 10-3, [1,2,3]-[2], 6/4, "a,b"/",", 7%3, -7%3, "ab"*3"#,
        ],
        &["jq", "-nc", r#"1+"a""#],
        &["jq", "-nc", "{}-1"],
        &["jq", "-nc", "[1]*2"],
        &["jq", "-nc", "[1,2]|implode"],
        &["jq", "-nc", "[.[]?]|error"],
        &["jq", "-nc", r#"error({"a":1})"#],
        &["jq", "-nc", r#""x"|error"#],
        &["jq", "-nc", "[1,2,3]|.[1:]|.[0]"],
        &["jq", "-c", "[., input_filename]", "b.json"],
        &["jq", "-nc", "1 as $x | 2 as $y | [$x,$y,$__loc__]"],
        &["jq", "-nc", "[1,null,2]|map(values)"],
        &["jq", "-nc", "[[1,2],[3]]|map(add)"],
        &[
            "jq",
            "-nc",
            r#""2015-03-05T23:51:47Z"|fromdate,(fromdate|todate)"#,
        ],
        &[
            "jq",
            "-nc",
            r#"1425599507|todate,gmtime,(gmtime|mktime),strftime("%A, %B %d, %Y %j %e %H")"#,
        ],
        &["jq", "-nc", "[1,2,3,4]|.[2:4]=[9]|.[0]|=.+1"],
        &["jq", "-nc", r#"{"a":[1,2,3]}|.a[]+=1|.a[1]-=1|.b//=5"#],
        &["jq", "-nc", r#"{"a":[1,2,3]}|.a|=map(.+1)"#],
        &["jq", "-nc", r#"{"a":1,"b":2}|to_entries|from_entries"#],
        &["jq", "-nc", r#"{"a":null}|.a|=empty"#],
        &["jq", "-nc", "[3,1,2]|bsearch(1),(sort|bsearch(2))"],
        &[
            "jq",
            "-nc",
            r#"[1,2]|walk(if type=="number" then .+1 else . end)"#,
        ],
        &[
            "jq",
            "-nc",
            r#"{"b":1,"a":[{"z":1,"y":2}]}|walk(if type=="object" then del(.z) else . end)"#,
        ],
        &[
            "jq",
            "-nc",
            "[recurse(if . < 3 then .+1 else empty end)]|length",
        ],
        &[
            "jq",
            "-nc",
            "2|[recurse(.*.; . < 100)],[while(.<100;.*2)],[until(.>100;.*2)],[.,1]|tojson",
        ],
        &["jq", "-nc", r#""abc"|.[1:2],length,utf8bytelength"#],
        &["jq", "-nc", r#""é"|length,utf8bytelength"#],
        &["jq", "-nc", "[1.5,-1.5]|map(floor,ceil,round,fabs,sqrt?)"],
        &["jq", "-nc", r#"[1,1.5,"a",null]|map(tostring)"#],
        &["jq", "-nc", r#""1","1.5","-3"|tonumber"#],
        &["jq", "-nc", r#""[1,{\"a\":2}]"|fromjson"#],
        &["jq", "-nc", "infinite,-infinite,nan|tostring"],
        &["jq", "-nc", "[nan]|sort, (nan<nan), ([nan,1]|min)"],
        &["jq", "-nc", r#"[splits("a")]"#],
        &["jq", "-nc", "null|not, (1|not)"],
        &["jq", "-nc", "[1,2]|any(.>1),all(.>1),any(.[];.==1)"],
        &["jq", "-nc", r#"{"a":1}|has("a"),has("b"),(.|has(0))"#],
        &["jq", "-nc", "[true,false]|map(if . then 1 else 2 end)"],
        &["jq", "-nc", "if (true,false) then 1 else 2 end"],
        &["jq", "-nc", "(true,false) and (true,false)"],
        &["jq", "-nc", "(true,false) or (true,false)"],
        &["jq", "-nc", "[range(0,1;3,4)]"],
        &["jq", "-nc", "[[0,1,2,3]|.[0,1:2,3]]"],
        &["jq", "-nc", ". as [$a,[$b]] | $a"],
        &["jq", "-nc", r#""x" as $x | "a\($x)b""#],
        &["jq", "-nc", r#""\u00e9\ud83d\ude00\n\t\u0001\u007f""#],
        &["jq", "-nac", r#""\u00e9\ud83d\ude00\n\t\u0001\u007f""#],
        &["jq", "-nr", r#"@text "a\(1)""#],
        &["jq", "-n", r#""a" as $x | [$x,1] | @sh"#],
        &["jq", "-n", "[]|first,last"],
        &["jq", "-n", r#""bye\n"|halt_error(3)"#],
        &["jq", "-n", r#"{"a":1}|halt_error"#],
        &["jq", "-n", "1,halt,2"],
        &["jq", "-n", "[1,2]|debug|length"],
        &["jq", "error", "nofile.json"],
        &["jq", ".", "nofile.json", "a.json"],
        &["jq", "-nc", "[.[]?] | length as $n | $n"],
        &["jq", "-nc", r#"{"if":1,"then":2}|.if,.then"#],
        &["jq", "-nc", "{if:1,and:2}"],
        &[
            "jq",
            "-c",
            r#".["name"], ."name", .obj."deep", .obj["deep"], (.list|.[0])"#,
            "a.json",
        ],
        &["jq", "-c", ".list|to_entries", "a.json"],
        &["jq", "-c", "[.list[] as $x | $x*$x]", "a.json"],
        &["jq", "-c", "[isempty(empty),isempty(1)]", "b.json"],
        &["jq", ".list | @csv", "a.json", "-r"],
        &["jq", "-cr", ".obj|keys[]", "a.json"],
        &["jq", "-c", "tojson|fromjson == .", "b.json"],
        &["jq", "-nc", "[1,[2,3]] as [$a,[$b,$c]] | [$a,$b,$c]"],
        &["jq", "-nc", "[[1,2],[3,4]] | .[] as [$a,$b] | {a:$a,b:$b}"],
        &["jq", "-nc", "def f: def g: 3; g; f"],
        &["jq", "-nc", "def f(g): [g,g]; 5|f(.+1)"],
        &["jq", "-nc", "[.] | inside([null,1])"],
        &["jq", "-nc", "[1,2] | (.[0],.[1]) |= .+10"],
        &[
            "jq",
            "-nc",
            r#"{"a":[{"b":1},{"b":2}]} | .a[].b |= .+1, [.a[].b], (.a|map(.b)|add)"#,
        ],
        &[
            "jq",
            "-nc",
            r#"{"a":[{"b":1},{"b":2}]} | [.a[]|select(.b==2)]"#,
        ],
        &[
            "jq",
            "-nc",
            r#"{"a":[{"b":1},{"b":2}]} | (.a[]|select(.b==2)|.b) = 9"#,
        ],
        &["jq", "-nc", r#"{"a":1} | .b = .a | .c = (.a,.b)"#],
        &[
            "jq",
            "-nc",
            "[5,3] | .[0] -= 1 | .[1] *= 2 | .[0] /= 2 | .[1] %= 4",
        ],
        &["jq", "-nc", "[1]|path(first)"],
        &["jq", "-nc", r#"{"a":1}|path(.a|select(.>0))"#],
        &["jq", "-nc", r#"{"a":{"b":1}}|path(getpath(["a","b"]))"#],
        &["jq", "-nc", r#"{"a":{"b":1}}|[paths]|length"#],
        &["jq", "-nc", "[1,[2]]|getpath([1,0])"],
        &["jq", "-nc", r#"{"a":{"b":1}}|delpaths([["a","b"]])"#],
        &["jq", "-nc", r#"setpath([];1), ({}|setpath(["a","b"];1))"#],
        &["jq", "-nc", r#"{} | .["a","b"] = 1"#],
        &["jq", "-nc", "[limit(3;range(10))]"],
        &["jq", "-nc", "1 as $x | [$x|.+1]"],
        &["jq", "-nc", "# comment"],
        &["jq", "-c", ".a # c", "a.json"],
    ];
    same(CASES.iter().map(|words| over(words)).collect());
}

/// What versions of jq do differently ends the build.
#[test]
fn what_versions_do_differently_is_refused() {
    if sandboxed(&[]).is_none() {
        return;
    }
    for program in [
        "1.0",
        "[100000000000000000000]",
        "(1|.?) | error(\"x\")",
        "try ([] | .a) catch .",
        "limit(0; 1)",
        "error(null)",
        "reduce 1 as $x (0; empty)",
        "[1,2] | .[] |= empty",
        "\"é\" | test(\"é\")",
        "nothing_of_this_name",
        "import \"a\" as a; 1",
        "{",
        "\"(!)\" | @uri",
        "now",
        "last(empty)",
        "def f: 1 + f; f",
    ] {
        assert!(
            refusal(&case(&["jq", "-n", program])).is_some(),
            "{program}"
        );
    }
    for words in [
        ["jq", "-C", "."],
        ["jq", "--stream", "."],
        ["jq", "--seq", "."],
    ] {
        assert!(refusal(&case(&words).stdin("1")).is_some(), "{words:?}");
    }
    assert!(refusal(&case(&["jq", "."]).stdin("{")).is_some());
}

/// Values whose numbers every version prints alike.
fn values() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        (-1000i32..1000).prop_map(|it| it.to_string()),
        (-99i32..99, 1u32..10).prop_map(|(whole, part)| format!("{whole}.{part}")),
        "[a-c ,é\\\\u]{0,4}".prop_map(|it| format!("\"{}\"", it.replace('\\', "\\\\"))),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(" , "))),
            prop::collection::vec(("[a-d]{1,2}", inner), 0..4).prop_map(|all| {
                let all: Vec<String> = all
                    .into_iter()
                    .map(|(key, value)| format!("\"{key}\" : {value}"))
                    .collect();
                format!("{{{}}}", all.join(","))
            }),
        ]
    })
}

#[test]
fn generated_values() {
    const PROGRAMS: &[&str] = &[
        ".",
        "[..]",
        "tojson",
        "[paths]",
        "keys?",
        "sort? // .",
        "[.[]?] | add? // 0",
        "[.. | scalars] | sort",
        "[.. | scalars] | unique",
        "[.. | scalars] | group_by(type) | map(length)",
        "to_entries?",
        "walk(if type == \"number\" then . + 1 else . end)",
        "del(.. | select(. == null))?",
        "[.. | strings | length, explode]",
        "(.. | numbers) |= . * 2",
        "[tostream] | fromstream(.[])",
        "flatten? // .",
        "map_values([.])?",
        "[.. | strings] | join(\"-\")",
        "[.. | strings | @sh, @html, @base64, ascii_upcase]",
        ". == ., [.] < [1], (. | tojson | fromjson) == .",
        "min? // 1, max? // 2",
        "[.. | objects | with_entries(.key += \"x\")]",
        "[limit(3; ..)] | length",
        "reduce .. as $x (0; . + 1)",
        "[foreach (.[]?) as $x (0; . + 1; [., $x])]",
        "[.[]? as [$a, $b] | [$a, $b]]?",
        "contains({a: 1})? // \"no\"",
        ".a? // .[0]? // \"none\"",
    ];
    let mut runner = TestRunner::new(Config::default());
    let strategy = (values(), 0..PROGRAMS.len(), 0..4usize);
    let mut cases = Vec::new();
    for _ in 0..300 {
        let tree = strategy.new_tree(&mut runner).expect("a value");
        let (value, program, option) = tree.current();
        let option = ["-c", "-S", "-r", "--tab"][option];
        cases.push(
            case(&["jq", option, PROGRAMS[program]])
                .stdin(value)
                .any_messages(),
        );
    }
    // A refusal is allowed where a generated value meets what versions differ in: those programs
    // end in an error after a `?`.
    let differences: Vec<String> = compare(&cases)
        .into_iter()
        .filter(|it| !it.contains("after a 'try' has given its value"))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Newer versions know functions that Debian's lacks; nothing is to be compared but that they run.
#[test]
fn functions_of_newer_versions() {
    let cases = [
        ("[-1, 1] | map(abs)", "[1,1]\n"),
        ("[1, [2]] | map(toarray)", "[[1],[2]]\n"),
        ("{a: 1, b: 2} | pick(.a)", "{\"a\":1}\n"),
        ("if false then 1 end", "null\n"),
        ("\" a \" | trim", "\"a\"\n"),
    ];
    let all: Vec<Case> = cases
        .iter()
        .map(|(program, _)| case(&["jq", "-nc", program]))
        .collect();
    let Some(results) = sandboxed(&all) else {
        return;
    };
    let results = results.expect("the build");
    for ((program, wanted), (case, result)) in cases.iter().zip(all.iter().zip(results)) {
        assert_eq!(result.stdout, *wanted, "{program}");
        assert_ne!(
            native(case).status,
            0,
            "Debian's jq knows {program}: compare with it"
        );
    }
}
