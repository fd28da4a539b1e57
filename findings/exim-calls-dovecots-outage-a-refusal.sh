#!/usr/bin/env bash
# Expected:  Exim asks Dovecot who may send ("driver = dovecot"), and hands on what Dovecot says: a token that is no
#            good is 535, and a look-up that failed for now, which Dovecot marks "temp" and answers by IMAP with
#            NO [UNAVAILABLE], is temporary by SMTP, too (454, RFC 4954 §6).
# Really:    Exim reads "FAIL" and never the "temp" beside it. While the identity provider answers 503, a token that is
#            good is "535 Incorrect authentication data" by SMTP, word for word what a revoked one gets, and
#            "[UNAVAILABLE]" by IMAP, from one and the same Dovecot. Only where Dovecot itself is down does Exim say
#            that it can't tell: 435. A grant is called dead because a third party had a bad minute.
# Version:   exim4-daemon-heavy 4.96-15, dovecot-core, dovecot-imapd 1:2.3.19.1 (Debian 12)
# Source:    run; doc.dovecot.org/2.3/developer_manual/design/auth_protocol/ ("temp": internal failure);
#            exim.org/exim-html-current/doc/html/spec_html/ch-the_dovecot_authenticator.html
# Date:      2026-11-28
# Needs:     Debian 12, root (Dovecot drops its rights), python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -f "$tmp/run/master.pid" ] && kill "$(cat "$tmp/run/master.pid")" 2> /dev/null
      [ -n "${provider:-}" ] && kill "$provider" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp" && chmod 755 .
mkdir -p archives/partial unpacked run/login run/empty mail spool && chown nobody mail spool
named() { echo "$1=$(apt-cache madison "$1" | awk -v start="$2" 'index($3, start) == 1 {print $3; exit}')"; }
apt-get -qq -o Dir::Cache::archives="$tmp/archives" install --reinstall --download-only --no-install-recommends -y \
    "$(named exim4-daemon-heavy 4.96-15)" "$(named dovecot-core 1:2.3.19.1)" "$(named dovecot-imapd 1:2.3.19.1)" \
    > /dev/null 2>&1
for package in archives/*.deb; do dpkg -x "$package" unpacked; done
chmod u-s unpacked/usr/sbin/exim4
cat > provider.py << 'PYTHON'
"""An identity provider's userinfo address: it knows one token, calls one switched off, and has a bad minute."""
import http.server

class UserInfo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        token = self.headers["Authorization"].removeprefix("Bearer ")
        status, body = {"good": (200, b'{"email": "alice@example.com"}'),
                        "revoked": (200, b'{"active": false, "email": "alice@example.com"}'),
                        }.get(token, (503, b"{}"))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
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
auth_mechanisms = xoauth2
passdb {
  driver = oauth2
  mechanisms = xoauth2
  args = $tmp/oauth2.conf.ext
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$tmp/mail
}
service auth {
  unix_listener $tmp/auth {
    mode = 0666
  }
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
cat > exim.conf << CONF
spool_directory = $tmp/spool
log_file_path = $tmp/spool/%slog
exim_user = nobody
exim_group = nogroup
primary_hostname = mail.example.com
auth_advertise_hosts = *
tls_advertise_hosts =
keep_environment = LD_LIBRARY_PATH
begin authenticators
xoauth2:
  driver = dovecot
  public_name = XOAUTH2
  server_socket = $tmp/auth
  server_set_id = \$auth1
CONF
export LD_LIBRARY_PATH="$tmp/unpacked/usr/lib/dovecot:$tmp/unpacked/usr/lib:$tmp/unpacked/usr/lib/x86_64-linux-gnu"
"$tmp/unpacked/usr/sbin/dovecot" -c dovecot.conf
until [ -S auth ]; do sleep 0.1; done
cat > ask.py << 'PYTHON'
"""Logs in with each of the tokens, by SMTP at an Exim of its own and by IMAP at Dovecot, and prints the answers."""
import base64
import os
import socket
import subprocess
import sys

def login(hears, says, opening, token):
    first = base64.b64encode(f"user=alice@example.com\x01auth=Bearer {token}\x01\x01".encode()).decode()
    says.write(f"{opening} {first}\r\n".encode())
    says.flush()
    for line in hears:
        if line.startswith((b"334 ", b"+ ")):
            says.write(b"\r\n")
            says.flush()
        elif not line.startswith((b"220", b"250", b"*")):
            return line.decode().strip().removeprefix("a ")

def by_smtp(token):
    here = os.getcwd()
    program = [f"{here}/unpacked/usr/sbin/exim4", "-C", f"{here}/exim.conf", "-oMa", "127.0.0.1.2525", "-bs"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as exim:
        exim.stdout.readline()
        exim.stdin.write(b"EHLO example.com\r\n")
        exim.stdin.flush()
        while not exim.stdout.readline().startswith(b"250 "):
            pass
        answer = login(exim.stdout, exim.stdin, "AUTH XOAUTH2", token)
        exim.stdin.close()
        return answer

def by_imap(token):
    with socket.create_connection(("127.0.0.1", int(port)), 60) as server, server.makefile("rwb") as lines:
        answer = login(lines, lines, "a AUTHENTICATE XOAUTH2", token)
        return "OK" if answer.startswith("OK") else " ".join(answer.split()[:2])

_, port, way, token = sys.argv
print(f"{token}, {way}: {by_smtp(token) if way == 'SMTP' else by_imap(token)}")
PYTHON
{
  for way in SMTP IMAP; do
    for token in good revoked provider-says-503; do
      python3 ask.py "$port" "$way" "$token"
    done
  done
  kill "$(cat run/master.pid)"
  while [ -f run/master.pid ]; do sleep 0.1; done
  python3 ask.py "$port" SMTP dovecot-is-down
} | tee said
diff - said << 'SAID'
good, SMTP: 235 Authentication succeeded
revoked, SMTP: 535 Incorrect authentication data
provider-says-503, SMTP: 535 Incorrect authentication data
good, IMAP: OK
revoked, IMAP: NO [AUTHENTICATIONFAILED]
provider-says-503, IMAP: NO [UNAVAILABLE]
dovecot-is-down, SMTP: 435 Unable to authenticate at present
SAID
