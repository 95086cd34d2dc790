# Configuration files of the services: templates in which `@name@` is replaced, and files in formats
# that are written from values.
{
  lib,
  packages,
}:
let
  template = name: builtins.toFile "${name}.in";
  hostName = "harbour";
  domain = "example.org";
in
{
  nginx = lib.replaceVars (template "nginx.conf" ''
    worker_processes auto;
    pid /run/nginx/nginx.pid;
    events { worker_connections 1024; }
    http {
        include @mimeTypes@;
        server {
            listen 443 ssl;
            server_name @hostName@.@domain@;
            location / { proxy_pass http://127.0.0.1:3000; }
        }
    }
  '') {
    inherit hostName domain;
    mimeTypes = "${packages.nginx}/conf/mime.types";
  };

  postgresql = lib.replaceVars (template "postgresql.conf" ''
    listen_addresses = '@listen@'
    port = @port@
    hba_file = '@hba@'
    log_destination = 'syslog'
  '') {
    listen = "127.0.0.1";
    port = "5432";
    hba = lib.writeText "pg_hba.conf" ''
      local all all peer
      host forge forge 127.0.0.1/32 scram-sha-256
    '';
  };

  sshd = lib.replaceVars (template "sshd_config" ''
    Port @port@
    PermitRootLogin @rootLogin@
    Subsystem sftp @openssh@/libexec/sftp-server
    PasswordAuthentication no
  '') {
    port = "22";
    rootLogin = "no";
    openssh = packages.openssh;
  };

  forgeSshd = lib.replaceVars (template "forge_sshd_config" ''
    AuthorizedKeysCommand @forge@/bin/forge keys --username %u --key %k
    AuthorizedKeysCommandUser @user@
  '') {
    forge = packages.forge;
    user = "forge";
  };

  avahi = lib.replaceVars (template "avahi-daemon.conf" ''
    [server]
    host-name=@hostName@
    domain-name=local
    use-ipv6=yes
  '') { inherit hostName; };

  dns = lib.replaceVars (template "dns.conf" ''
    local-zone @domain@
    forward 9.9.9.9
  '') { inherit domain; };

  forge = (lib.formats.ini { }).generate "forge.ini" {
    server = {
      DOMAIN = "${hostName}.${domain}";
      HTTP_PORT = 3000;
      START_SSH_SERVER = false;
    };
    database = {
      DB_TYPE = "postgres";
      HOST = "/run/postgresql";
    };
  };

  exporter = (lib.formats.yaml { }).generate "exporter.yaml" {
    tls_server_config = {
      cert_file = "/var/lib/acme/cert.pem";
      key_file = "/var/lib/acme/key.pem";
    };
    http_server_config.http2 = true;
  };

  backup = lib.writeText "backup-files" ''
    /var/lib/postgresql
    /var/lib/forge
    /home
  '';

  dashboards = (lib.formats.json { }).generate "dashboards.json" {
    title = "Machine";
    panels = [
      {
        title = "Load";
        expr = "node_load1";
      }
      {
        title = "Free memory";
        expr = "node_memory_MemAvailable_bytes";
      }
    ];
  };

  registries = (lib.formats.toml { }).generate "registries.toml" {
    registry = [
      {
        location = "registry.${domain}";
        insecure = false;
      }
    ];
    unqualified-search-registries = [ "registry.${domain}" ];
  };

  osRelease = lib.substituteAll {
    name = "os-release";
    src = template "os-release" ''
      NAME=@distribution@
      ID=@id@
      VERSION_ID="@version@"
      PRETTY_NAME="@distribution@ @version@ (Harbour)"
    '';
    distribution = "NixOS";
    id = "nixos";
    version = "26.11";
  };
}
