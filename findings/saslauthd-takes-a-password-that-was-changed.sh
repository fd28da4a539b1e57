#!/usr/bin/env bash
# Expected:  a login that succeeds proves that the password is right now; the first one after it was changed fails, and
#            says so on the same day and at every door of the same host.
# Really:    saslauthd, which asks for Postfix, Cyrus and Sendmail, is started with "-c" on Debian, and then keeps each
#            password that was right for eight hours (28,800 seconds, in the program; no manual page says so). All that
#            time it answers OK to one that was changed, without asking who knows, while the host's IMAP server says
#            AUTHENTICATIONFAILED to it. It ends when the new password is first used there: so the moment at which a
#            program that goes on with the old one is refused tells when somebody else signed in, not when the
#            password was changed.
# Version:   sasl2-bin 2.1.28+dfsg-10 (Debian 12; seen with +deb12u1)
# Source:    run; the package's /etc/default/saslauthd; saslauthd(8), "-c" and "-t"; saslauthd/cache.h
# Date:      2026-11-28
# Needs:     Debian 12, python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -f "$tmp/daemon" ] && kill "$(cat "$tmp/daemon")" 2> /dev/null
      [ -n "${server:-}" ] && kill "$server" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp"
mkdir -p archives/partial unpacked run
version=$(apt-cache madison sasl2-bin | awk '$3 ~ /^2\.1\.28\+dfsg-10/ {print $3; exit}')
apt-get -qq -o Dir::Cache::archives="$tmp/archives" install --reinstall --download-only --no-install-recommends -y \
    "sasl2-bin=$version" "libsasl2-2=$version" > /dev/null 2>&1
for package in archives/*.deb; do dpkg -x "$package" unpacked; done
cat > server.py << 'PYTHON'
"""An IMAP server with one user, whose password is what the file "password" says. It prints its answers to LOGIN."""
import socketserver

class Imap(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        for line in self.rfile:
            tag, command, *words = line.decode().replace('"', "").split()
            if command.upper() == "LOGIN":
                is_right = words[1] == open("password").read().strip()
                answer = "OK done" if is_right else "NO [AUTHENTICATIONFAILED] wrong"
                print(f"  (the server is asked: {answer})", flush=True)
                self.wfile.write(f"{tag} {answer}\r\n".encode())
            else:
                return

with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Imap) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
PYTHON
echo spring > password
python3 server.py > heard &
server=$!
until [ -s heard ]; do sleep 0.1; done
port=$(head -n 1 heard)
export LD_LIBRARY_PATH="$tmp/unpacked/usr/lib/x86_64-linux-gnu:$tmp/unpacked/usr/lib/aarch64-linux-gnu"
start() {  # in a session of its own, as it ends its whole process group with itself
  setsid unpacked/usr/sbin/saslauthd -d -n 1 -m "$tmp/run" -a rimap -O "127.0.0.1/$port" "$@" > out 2>&1 &
  daemon=$!
  echo $daemon > daemon
  until [ -S run/mux ]; do sleep 0.1; done
}
try() {
  before=$(wc -l < heard)
  unpacked/usr/sbin/testsaslauthd -u alice -p "$1" -f "$tmp/run/mux" > answer || true
  echo "$1: $(cut -d ' ' -f 2- answer)"
  tail -n "+$((before + 1))" heard
}
{
  grep '^OPTIONS=' unpacked/etc/default/saslauthd
  start -c
  try spring
  echo summer > password
  echo "the password is changed to summer"
  try spring
  try summer
  try spring
  kill "$daemon"
  wait "$daemon" || true
  rm -rf run && mkdir run
  echo "without -c"
  start
  try summer
  echo autumn > password
  echo "the password is changed to autumn"
  try summer
} | tee said
diff - said << 'SAID'
OPTIONS="-c -m /var/run/saslauthd"
spring: OK "Success."
  (the server is asked: OK done)
the password is changed to summer
spring: OK "Success."
summer: OK "Success."
  (the server is asked: OK done)
spring: NO "authentication failed"
  (the server is asked: NO [AUTHENTICATIONFAILED] wrong)
without -c
summer: OK "Success."
  (the server is asked: OK done)
the password is changed to autumn
summer: NO "authentication failed"
  (the server is asked: NO [AUTHENTICATIONFAILED] wrong)
SAID
