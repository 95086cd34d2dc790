# Derivations of every kind that the parser must know; evaluated by tests/nix/derivations.rs.
let
  drv = attrs: derivation ({ system = "wasm32-wasip1"; builder = "/bin/sh"; } // attrs);
  source = builtins.toFile "source.txt" "a source\n";
  flat = algo: hash: drv { name = "flat-${algo}"; outputHashAlgo = algo; outputHash = hash; };
  recursive = algo: hash: (drv {
    name = "recursive-${algo}"; outputHashMode = "recursive"; outputHashAlgo = algo; outputHash = hash;
  });
  fixed = [
    (flat "md5" "d41d8cd98f00b204e9800998ecf8427e")
    (flat "sha1" "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    (flat "sha256" "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73")
    (flat "sha512" "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==")
    (recursive "md5" "d41d8cd98f00b204e9800998ecf8427e")
    (recursive "sha1" "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    (recursive "sha256" "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73")
    (recursive "sha512" "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==")
  ];
  # The same content from two places: one modulo hash, two derivations.
  mirror = url: drv {
    name = "mirrored"; inherit url;
    outputHashAlgo = "sha256"; outputHash = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
  };
  many = drv {
    name = "many-outputs"; outputs = [ "out" "dev" "lib" "a_b.c" ];
    args = [ source "" "-x" ]; inherit fixed;
  };
  odd = drv {
    name = "odd.bytes_+=?-1"; args = [ "\"quoted\"" "back\\slash" "line\nfeed" "\r\t" "ünï\u0001" "\${x}" ];
    "strange name \" \\ \n" = "value"; empty = ""; PATH = "/bin";
    many = many.dev; placeholder = builtins.placeholder "out"; inherit (many) lib;
    bytes = builtins.readFile ./bytes;
  };
  structured = drv {
    name = "structured"; __structuredAttrs = true; outputs = [ "out" "doc" ];
    list = [ 1 2.5 "x" null true ]; set.a.b = many; inherit source; text = "\"ü\"\n\t";
    outputChecks.out.allowedReferences = [ "doc" ]; exportReferencesGraph.graph = [ odd ];
  };
  dot = drv { name = ".hidden"; };
in
fixed ++ [
  many odd structured dot
  (drv { name = "mirrors"; a = mirror "http://a"; b = mirror "http://b"; })
  (drv { name = "top"; inherit odd structured; x = "${many.lib}/x"; drvs = [ odd.drvPath ]; })
]
