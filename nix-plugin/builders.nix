# The builders for nix-plugin/lib, checked against builders.lock.
#
#     import ./nix-plugin/builders.nix { from = ./wasibuild-builders; }
#     import ./nix-plugin/builders.nix { url = "https://example.org/wasibuild-0.1.0"; }
#
# Contract: an attribute set, name of a module → its file. Every file has the bytes that builders.lock
# names, so that each user's derivations are the same; another file is an error that says so. Nothing is
# read before a module is used.
#
# Whoever has wasibuild has the files: `wasibuild builders export DIR` writes them.
{
  # Folder with the files: a path, a string, or a flake's input.
  from ? null,
  # Where they are published, without a slash at the end; each is fetched when it is used.
  url ? null,
  # The hashes; null accepts any file, for who changes a builder.
  lock ? ../builders/builders.lock,
}:
let
  inherit (builtins)
    concatLists
    elemAt
    filter
    isList
    isPath
    isString
    listToAttrs
    map
    match
    readFile
    split
    unsafeDiscardStringContext
    ;

  # A path in every case: what is a string would go into derivations as it is, with its folder's name.
  folder = if isPath from then from else /. + unsafeDiscardStringContext "${from}";

  # { name; hash; } for each line.
  locked =
    let
      fields = line: match "([0-9a-f]{64})  ([a-z-]+)[.]wasm" line;
      entries = map fields (filter isString (split "\n" (readFile lock)));
    in
    map (entry: {
      hash = elemAt entry 0;
      name = elemAt entry 1;
    }) (filter isList entries);

  # What a folder holds, where no file says.
  found = concatLists (
    map (
      file:
      let
        matched = match "([a-z-]+)[.]wasm" file;
      in
      if matched == null then
        [ ]
      else
        [
          {
            hash = null;
            name = elemAt matched 0;
          }
        ]
    ) (builtins.attrNames (builtins.readDir folder))
  );

  checked =
    { name, hash }:
    let
      file = folder + "/${name}.wasm";
      is = builtins.hashFile "sha256" file;
    in
    if hash == null || is == hash then
      file
    else
      throw (
        "wasibuild: ${toString file} has the SHA-256 ${is}, and builders.lock names ${hash}: it is of another "
        + "version than this Nix code. Write the files again with the wasibuild of this version "
        + "(`wasibuild builders export DIR`), or pass `lock = null` to use them all the same"
      );

  fetched =
    { name, hash }:
    if hash == null then
      throw "wasibuild: builders.nix: `url` needs a `lock`"
    else
      builtins.path {
        name = "wasibuild-${name}.wasm";
        path = builtins.fetchurl {
          name = "wasibuild-${name}.wasm";
          url = "${url}/${name}.wasm";
          sha256 = hash;
        };
      };
in
assert
  (from == null) != (url == null)
  || throw "wasibuild: builders.nix: give `from`, a folder with the builders (`wasibuild builders export DIR` writes one), or `url`";
listToAttrs (
  map (builder: {
    inherit (builder) name;
    value = if url == null then checked builder else fetched builder;
  }) (if lock == null then found else locked)
)
