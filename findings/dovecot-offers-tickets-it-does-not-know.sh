#!/usr/bin/env bash
# Expected:  whoever logs in again brings the TLS session ticket that the server gave out a moment ago, and is spared
#            the certificate and its check: servers keep the key that seals tickets for hours.
# Really:    as it comes, Dovecot gives a ticket to every connection and knows none of them again: each connection has
#            a login process of its own (service_count = 1), with a key of its own. What clients and pools keep for
#            it is kept for nothing, and every look at a mailbox costs a whole handshake. With one process for all
#            (service_count = 0) the same client resumes every session but the first.
# Version:   dovecot-core, dovecot-imapd 1:2.3.19.1 (Debian 12)
# Source:    run; https://doc.dovecot.org/2.3/admin_manual/login_processes/ (what the two settings are)
# Date:      2026-11-29
# Needs:     Debian 12, root (Dovecot drops its rights), python3, openssl
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -f "$tmp/run/master.pid" ] && kill "$(cat "$tmp/run/master.pid")" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp" && chmod 755 .
mkdir -p unpacked run/login run/empty mail && chown nobody mail
version=$(apt-cache madison dovecot-imapd | awk '$3 ~ /^1:2\.3\.19\.1/ {print $3; exit}')
apt-get -qq download "dovecot-core=$version" "dovecot-imapd=$version" 2> /dev/null
for package in ./*.deb; do dpkg -x "$package" unpacked; done
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost 2> /dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

serve() { # $1: connections of a login process; 0 is any number
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
ssl = required
ssl_cert = <$tmp/cert.pem
ssl_key = <$tmp/key.pem
passdb {
  driver = static
  args = password=right
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$tmp/mail
}
service imap-login {
  chroot =
  service_count = $1
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = $port
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
CONF
    LD_LIBRARY_PATH="$tmp/unpacked/usr/lib/dovecot" "$tmp/unpacked/usr/sbin/dovecot" -c dovecot.conf
    python3 - "$port" << 'PYTHON'
import socket, ssl, sys, time

context = ssl.create_default_context(cafile="cert.pem")
context.check_hostname = False
kept, given, resumed = None, 0, 0
for number in range(20):
    for _ in range(50):
        try:
            plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 3)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    with context.wrap_socket(plain, session=kept) as server:
        lines = server.makefile("rwb")
        lines.readline()
        lines.write(b"a LOGIN alice right\r\n")
        lines.flush()
        assert next(line for line in lines if line.startswith(b"a ")).startswith(b"a OK")
        resumed += server.session_reused
        kept = server.session
        given += kept.has_ticket
print(f"tickets given out {given}, sessions resumed {resumed}, of 20 logins")
PYTHON
    kill "$(cat "$tmp/run/master.pid")"
    while [ -f "$tmp/run/master.pid" ]; do sleep 0.1; done
}

echo "Dovecot 2.3.19.1, as it comes (service_count = 1):"
first=$(serve 1); echo "  $first"
echo "one login process for all (service_count = 0):"
second=$(serve 0); echo "  $second"
[ "$first" = "tickets given out 20, sessions resumed 0, of 20 logins" ]
[ "$second" = "tickets given out 20, sessions resumed 19, of 20 logins" ]
