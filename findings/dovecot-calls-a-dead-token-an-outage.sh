#!/usr/bin/env bash
# Expected:  an access token that the identity provider refuses is answered NO [AUTHENTICATIONFAILED], after the error
#            challenge of XOAUTH2 and OAUTHBEARER; NO [UNAVAILABLE] (RFC 5530) is for a subsystem that is down.
# Really:    where Dovecot asks a userinfo address ("introspection_mode = auth", in its documentation the way with
#            Microsoft's identity platform), a dead token is what that address answers 401 to (RFC 6750 §3.1). Dovecot
#            reads the 401 as an answer "without a username", and so says NO [UNAVAILABLE] Temporary authentication
#            failure, without a challenge, for as long as the token stays dead. Only a 200 with "active": false ends
#            in [AUTHENTICATIONFAILED]. A client that waits for an outage to pass waits for ever.
# Version:   dovecot-core, dovecot-imapd 1:2.3.19.1 (Debian 12)
# Source:    run; https://doc.dovecot.org/2.3/configuration_manual/authentication/oauth2/
# Date:      2026-11-28
# Needs:     Debian 12, root (Dovecot drops its rights), python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -f "$tmp/run/master.pid" ] && kill "$(cat "$tmp/run/master.pid")" 2> /dev/null
      [ -n "${provider:-}" ] && kill "$provider" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp" && chmod 755 .
mkdir -p archives/partial unpacked run/login run/empty mail && chown nobody mail
version=$(apt-cache madison dovecot-imapd | awk '$3 ~ /^1:2\.3\.19\.1/ {print $3; exit}')
apt-get -qq download "dovecot-core=$version" "dovecot-imapd=$version" 2> /dev/null
for package in ./*.deb; do dpkg -x "$package" unpacked; done
cat > provider.py << 'PYTHON'
"""An identity provider's userinfo address: it knows one token, and refuses others as RFC 6750 says."""
import http.server

class UserInfo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        token = self.headers["Authorization"].removeprefix("Bearer ")
        status, body = {"good": (200, b'{"email": "alice@example.com"}'),
                        "switched-off": (200, b'{"active": false, "email": "alice@example.com"}'),
                        }.get(token, (401, b'{"error": "invalid_token"}'))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

with http.server.HTTPServer(("127.0.0.1", 0), UserInfo) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
PYTHON
python3 provider.py > provider_port &
provider=$!
until [ -s provider_port ]; do sleep 0.1; done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > oauth2.conf.ext << CONF
introspection_mode = auth
introspection_url = http://127.0.0.1:$(cat provider_port)/userinfo
username_attribute = email
CONF
cat > dovecot.conf << CONF
base_dir = $tmp/run
state_dir = $tmp/run/state
libexec_dir = $tmp/unpacked/usr/lib/dovecot
import_environment = TZ LD_LIBRARY_PATH
log_path = $tmp/log
protocols = imap
listen = 127.0.0.1
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
mail_location = maildir:$tmp/mail/%u
ssl = no
disable_plaintext_auth = no
auth_mechanisms = xoauth2 oauthbearer
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $tmp/oauth2.conf.ext
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$tmp/mail
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $port
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
CONF
export LD_LIBRARY_PATH="$tmp/unpacked/usr/lib/dovecot"
"$tmp/unpacked/usr/sbin/dovecot" -c dovecot.conf
unset LD_LIBRARY_PATH
python3 - "$port" << 'PYTHON' | tee said
import base64, socket, sys, time

def login(token):
    for _ in range(50):
        try:
            server = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    lines = server.makefile("rwb")
    lines.readline()
    first = f"user=alice@example.com\x01auth=Bearer {token}\x01\x01".encode()
    lines.write(b"a AUTHENTICATE XOAUTH2 " + base64.b64encode(first) + b"\r\n")
    lines.flush()
    challenge = ""
    for line in lines:
        if line.startswith(b"+"):
            challenge = ", after an error challenge"
            lines.write(b"\r\n")
            lines.flush()
        elif line.startswith(b"a "):
            return " ".join(line.decode().split()[1:3]) + challenge

for token in ("good", "revoked", "switched-off"):
    said = login(token)
    print(f"{token}: {'OK' if said.startswith('OK') else said}")
PYTHON
diff - said << 'SAID'
good: OK
revoked: NO [UNAVAILABLE]
switched-off: NO [AUTHENTICATIONFAILED], after an error challenge
SAID
