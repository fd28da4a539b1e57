#!/usr/bin/env bash
# Expected:  a server that offers AUTH=LOGIN takes the LOGIN command with the right password; SASL mechanisms are
#            another way in, for those who want one.
# Really:    Dovecot treats the LOGIN command as SASL PLAIN in disguise. With "auth_mechanisms = login" it announces
#            LOGINDISABLED beside AUTH=LOGIN and answers the command with the right password by NO, without the code
#            AUTHENTICATIONFAILED; only AUTHENTICATE LOGIN, which few clients know, gets in.
# Version:   dovecot-core, dovecot-imapd 1:2.3.19.1 (Debian 12)
# Source:    run; https://doc.dovecot.org/2.3/configuration_manual/authentication/authentication_mechanisms/
# Date:      2026-11-28
# Needs:     Debian 12, root (Dovecot drops its rights), python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -f "$tmp/run/master.pid" ] && kill "$(cat "$tmp/run/master.pid")" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp" && chmod 755 .
mkdir -p archives/partial unpacked run/login run/empty mail && chown nobody mail
version=$(apt-cache madison dovecot-imapd | awk '$3 ~ /^1:2\.3\.19\.1/ {print $3; exit}')
apt-get -qq download "dovecot-core=$version" "dovecot-imapd=$version" 2> /dev/null
for package in ./*.deb; do dpkg -x "$package" unpacked; done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
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
auth_mechanisms = login
disable_plaintext_auth = no
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
python3 - "$port" << 'PYTHON'
import base64, socket, sys, time

def session():
    for _ in range(50):
        try:
            server = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 3)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    server.settimeout(30)
    lines = server.makefile("rwb")
    print(lines.readline().decode().strip()[:110])
    return lines

def say(lines, line):
    lines.write(line + b"\r\n")
    lines.flush()
    answer = lines.readline().decode().strip()
    print("  " + answer[:100])
    return answer

print("The right password, by the LOGIN command:")
plain = session()
refused = say(plain, b"a LOGIN alice right")
print("The right password, by AUTHENTICATE LOGIN:")
sasl = session()
say(sasl, b"b AUTHENTICATE LOGIN")
say(sasl, base64.b64encode(b"alice"))
taken = say(sasl, base64.b64encode(b"right"))
while not taken.startswith("b "):
    taken = sasl.readline().decode().strip()
assert refused.startswith("a NO") and "AUTHENTICATIONFAILED" not in refused, "the command is judged otherwise now"
assert taken.startswith("b OK"), "AUTHENTICATE LOGIN is refused, too"
PYTHON
