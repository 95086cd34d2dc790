# Packages that are built from source by the phases of the setup script: several outputs, a configure
# script, patches, hooks.
{ lib, structured }:
let
  package =
    library: attributes:
    library.mkDerivation (
      {
        preferLocalBuild = true;
        allowSubstitutes = false;
      }
      // attributes
    );
  source =
    name:
    builtins.path {
      inherit name;
      path = ../sources + "/${name}";
    };
in
rec {
  # Its setup hook tells those that build with it where its data are.
  words = package lib {
    pname = "words";
    version = "2.1";
    src = source "words";
    setupHook = lib.stdenv.script "words-hook.sh";
    dontConfigure = true;
    installPhase = ''
      runHook preInstall
      mkdir -p $out/share/words
      sort -u lists/*.txt > $out/share/words/all.txt
      for list in lists/*.txt; do
        uniq -c "$list" | sed -nr 's/^ *([0-9]+) (.*)$/\2 \1/p' > "$out/share/words/$(basename "$list" .txt).count"
      done
      wc -l < $out/share/words/all.txt | tr -d ' ' > $out/share/words/size
      runHook postInstall
    '';
  };

  greeter = package lib {
    pname = "greeter";
    version = "1.4.2";
    src = source "greeter";
    outputs = [
      "out"
      "man"
      "dev"
    ];
    nativeBuildInputs = [ words ];
    buildInputs = [ lib.packages.openssh ];
    propagatedBuildInputs = [ lib.packages.util-linux ];
    patches = [ (lib.stdenv.script "greeter-path.sed") ];
    postPatch = ''
      substituteInPlace src/head.sh src/once.sh \
        --replace-warn '@version@' "$version" \
        --replace-quiet 'never there' 'nor here'
      patchShebangs src
    '';
    configureFlags = [
      "--with-words=${words}/share/words/all.txt"
      "--enable-colour"
    ];
    buildPhase = ''
      runHook preBuild
      while read -r target sources; do
        echo "building $target"
        mkdir -p "$(dirname "build/$target")"
        cat $sources > "build/$target"
      done < config.targets
      runHook postBuild
    '';
    doCheck = true;
    checkPhase = ''
      for script in build/bin/*; do
        bash -n "$script"
      done
      test "$(bash build/bin/greeter --version)" = "greeter $version"
    '';
    installPhase = ''
      runHook preInstall
      mkdir -p $out/{sbin,man/man1,include,lib,share/doc/greeter,etc/greeter}
      cp -prd --preserve=mode,timestamps build/bin/. $out/sbin/
      chmod -R +x $out/sbin
      install -m 644 -D man/greeter.1 $out/man/man1/greeter.1
      cp -prd include/. $out/include
      cp README.txt $out/share/doc/greeter
      echo "words = $WORDS" > $out/etc/greeter/greeter.conf
      ln -s $out/etc/greeter/greeter.conf $out/lib/greeter.conf
      touch $out/lib/libgreeter.la
      runHook postInstall
    '';
    doInstallCheck = true;
    installCheckPhase = ''
      test "$(readlink $out/lib/greeter.conf)" = ../etc/greeter/greeter.conf
      test -e $dev/include/greeter.h
      test -e $man/share/man/man1/greeter.1
      ! grep -r $'\r' $out
    '';
  };

  # The same kind of package with structured attributes.
  tally = package structured {
    pname = "tally";
    version = "0.3";
    __structuredAttrs = true;
    src = source "tally";
    nativeBuildInputs = [
      words
      greeter
    ];
    env.TALLY_LOCALE = "C";
    configureFlags = [
      "--title=Tally of words"
      "--empty="
    ];
    installPhase = ''
      mkdir -p "$out/bin" "$out/share/tally"
      substitute tally.in "$out/bin/tally" \
        --subst-var-by words "$WORDS" --subst-var-by locale "$TALLY_LOCALE" --subst-var out
      chmod +x "$out/bin/tally"
      mv -t "$out/share/tally" config.log
    '';
  };
}
