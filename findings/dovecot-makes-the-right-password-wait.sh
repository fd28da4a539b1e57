#!/usr/bin/env bash
# Expected:  a wrong password is answered late, to slow guessing down; the right one is answered at once.
# Really:    Dovecot makes the *address* wait that the wrong ones came from: after three different wrong passwords the
#            right one is answered OK, but about 15 seconds late. The same wrong password again does not add to it.
#            A client that waits for 10 seconds takes a healthy mailbox for a host that does not answer; and a bot
#            that checks many mailboxes from one address makes all of them wait for one that has a wrong password.
# Version:   dovecot-core, dovecot-imapd 1:2.3.19.1 (Debian 12)
# Source:    run; https://doc.dovecot.org/2.3/configuration_manual/authentication/auth_penalty/
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
import socket, sys, time

def login(password):
    for _ in range(50):
        try:
            server = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 3)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    server.settimeout(60)
    lines = server.makefile("rwb")
    lines.readline()
    sent = time.monotonic()
    lines.write(b"a LOGIN alice " + password + b"\r\n")
    lines.flush()
    answer = next(line for line in lines if line.startswith(b"a "))
    took = time.monotonic() - sent
    print(f"{password.decode():8} {answer.split(b' ')[1].decode():3} after {took:4.1f} s")
    return answer.split(b" ")[1], took

print("Dovecot 2.3.19.1, auth_failure_delay at its default of 2 s")
before = login(b"right")
for wrong in (b"wrong-1", b"wrong-2", b"wrong-3"):
    login(wrong)
after = login(b"right")
assert before[0] == after[0] == b"OK"
assert before[1] < 1 and after[1] > 10, "the right password no longer waits"
PYTHON
