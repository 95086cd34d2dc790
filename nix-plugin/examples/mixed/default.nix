# A machine of which five derivations need a kernel and programs for Linux, and all others do not: the
# sandbox builds what it can, a virtual machine builds the five, and one command builds all.
#
#     wasibuild run $(nix-instantiate nix-plugin/examples/mixed -A toplevel --arg linux 'import ./programs.nix')
#
# `linux` has the packages that the five run: fontconfig, libxslt, kmod, glib, e2fsprogs; the directories
# `fonts` and `modules` (with lib/modules); and `programs`, in the place of ../stdenv's stand-ins.
# Sandbox and virtual machine build upon each other's outputs in both directions.
{
  system ? "x86_64-linux",
  linux,
}:
let
  machine = import ../stdenv {
    inherit system;
    inherit (linux) programs;
  };
  inherit (machine) lib;

  # What the sandbox writes for the five.
  fontsConf = lib.writeText "fonts.conf" ''
    <?xml version="1.0"?>
    <!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
    <fontconfig>
      <dir>${linux.fonts}</dir>
    </fontconfig>
  '';
  services = lib.writeText "services.xml" ''
    <services><service name="greeter" port="80"/><service name="tally" port="81"/></services>
  '';
  stylesheet = lib.writeText "services.xsl" ''
    <xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
      <xsl:output method="text"/>
      <xsl:template match="service">
        <xsl:value-of select="@name"/> listens on <xsl:value-of select="@port"/><xsl:text>&#10;</xsl:text>
      </xsl:template>
    </xsl:stylesheet>
  '';
  schema = lib.writeText "quay.gschema.xml" ''
    <schemalist>
      <schema id="org.quay.greeter" path="/org/quay/greeter/">
        <key name="greeting" type="s"><default>'hello'</default></key>
      </schema>
    </schemalist>
  '';

  # The five, as NixOS has them.
  fontCache = lib.runCommandLocal "fc-cache" { } ''
    sed "s|</fontconfig>|<cachedir>$out</cachedir></fontconfig>|" ${fontsConf} > fonts.conf
    export FONTCONFIG_FILE=$PWD/fonts.conf
    mkdir $out
    ${linux.fontconfig}/bin/fc-cache -sv
  '';
  listing = lib.runCommandLocal "services.txt" { } ''
    ${linux.libxslt}/bin/xsltproc ${stylesheet} ${services} > $out
  '';
  modules = lib.runCommandLocal "kernel-modules" { } ''
    mkdir $out
    cp -r ${linux.modules}/lib $out/lib
    chmod -R u+w $out/lib
    for release in $out/lib/modules/*; do
      ${linux.kmod}/bin/depmod -b $out "$(basename "$release")"
    done
  '';
  schemas = lib.runCommandLocal "schemas" { } ''
    mkdir $out
    cp ${schema} $out/quay.gschema.xml
    ${linux.glib}/bin/glib-compile-schemas --strict $out
  '';
  # A disk image: the fifth, of what the sandbox and the others made.
  image = lib.runCommandLocal "image.ext2" { } ''
    mkdir tree
    cp ${listing} tree/services.txt
    cp -r ${schemas} tree/schemas
    cp ${machine.toplevel}/kernel-params tree
    ${linux.e2fsprogs}/bin/mke2fs -q -t ext2 -d tree $out 2M
  '';

  # Read by the sandbox again.
  summary = lib.runCommandLocal "summary" { } ''
    {
      echo "fonts: $(find ${fontCache} -name '*.cache-*' | wc -l)"
      cat ${listing}
      grep -c . ${modules}/lib/modules/*/modules.dep | sed 's/^/modules: /'
      stat -c 'image: %s' ${image}
    } > $out
  '';
in
{
  five = [
    fontCache
    listing
    modules
    schemas
    image
  ];
  toplevel = lib.linkFarm "mixed-26.11" [
    {
      name = "system";
      path = machine.toplevel;
    }
    {
      name = "fonts";
      path = fontCache;
    }
    {
      name = "modules";
      path = modules;
    }
    {
      name = "schemas";
      path = schemas;
    }
    {
      name = "image";
      path = image;
    }
    {
      name = "summary";
      path = summary;
    }
  ];
}
