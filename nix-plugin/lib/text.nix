# Files from text: `writeText`, `writeTextFile`, `writeScript`, …, `concatText`.
#
# Contract: the names, arguments and bytes of nixpkgs' trivial builders. What nixpkgs runs in the
# build (`checkPhase`) cannot run here: it falls back, or is refused.
#
# Counterpart: pkgs/build-support/trivial-builders/default.nix.
{ build, self, beyond, ... }:
{
  # A file with a mode and, optionally, a place below the output.
  writeTextFile =
    arguments@{
      name,
      text,
      executable ? false,
      # A place below the output, as "/bin/hello"; empty: the output itself is the file.
      destination ? "",
      checkPhase ? "",
      meta ? { },
      passthru ? { },
      allowSubstitutes ? false,
      preferLocalBuild ? true,
      derivationArgs ? { },
    }:
    if checkPhase != "" then
      beyond "writeTextFile" (
        function: function arguments
      ) "writeTextFile ${name}: checkPhase is a shell script, which this builder does not run; remove it"
    else
      build {
        # Only the module that imports the host's extension can set the executable bit; plain text
        # stays portable to every host of WASI preview 1.
        module = if executable then "text-executable" else "text";
        inherit name meta passthru;
        attributes = {
          inherit text allowSubstitutes preferLocalBuild;
          executable = if executable then true else null;
          destination = if destination == "" then null else destination;
        };
        inherit derivationArgs;
      };

  writeText =
    name: text:
    self.writeTextFile { inherit name text; };

  # A file at a place below the output.
  writeTextDir =
    path: text:
    self.writeTextFile {
      name = baseNameOf path;
      destination = "/${path}";
      inherit text;
    };

  # An executable file.
  writeScript =
    name: text:
    self.writeTextFile {
      inherit name text;
      executable = true;
    };

  # An executable file in `bin` of the output.
  writeScriptBin =
    name: text:
    self.writeTextFile {
      inherit name text;
      executable = true;
      destination = "/bin/${name}";
      meta.mainProgram = name;
    };

  # Files one after the other: paths, or derivations that are files.
  concatTextFile =
    arguments@{
      name,
      files,
      executable ? false,
      destination ? "",
      checkPhase ? "",
      meta ? { },
      passthru ? { },
    }:
    if checkPhase != "" then
      beyond "concatTextFile" (
        function: function arguments
      ) "concatTextFile ${name}: checkPhase is a shell script, which this builder does not run; remove it"
    else
      build {
        module = if executable then "text-executable" else "text";
        inherit name meta passthru;
        attributes = {
          files = map (file: "${file}") files;
          executable = if executable then true else null;
          destination = if destination == "" then null else destination;
        };
      };

  concatText = name: files: self.concatTextFile { inherit name files; };

  concatScript =
    name: files:
    self.concatTextFile {
      inherit name files;
      executable = true;
    };
}
