-- Prosody for `python -m bench peers`, on the loopback interface alone. {port} and {folder} are filled in.
daemonize = false
run_as_root = true -- where the benchmark itself is
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = { warn = "*console" }
interfaces = { "127.0.0.1" }
c2s_ports = { {port} }
s2s_ports = {}
http_ports = {}
https_ports = {}
modules_enabled = { "disco", "mam", "register_ibr", "roster", "saslauth" }
modules_disabled = { "s2s", "s2s_auth_certs", "tls", "offline" }
storage = "internal" -- files
archive_expires_after = "never"
default_archive_policy = true -- every message goes to the archive
authentication = "internal_hashed"
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
allow_registration = true
limits = {}

VirtualHost "localhost"
