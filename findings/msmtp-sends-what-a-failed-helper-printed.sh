#!/usr/bin/env bash
# Expected:  passwordeval names a command that prints the password or access token; where that command fails, msmtp
#            says so and sends nothing, as mbsync does with its PassCmd ("PassCmd exited with status 1").
# Really:    msmtp never looks at the exit status. Whatever the first line says that a failing command printed, if
#            only "invalid_grant: sign in again", is sent to the server as the token, and the failure reads
#            "authentication failed", with the server's own words: a fault of the helper looks like a refused login,
#            and counts as one at the mail host. Only an empty output is taken for a failure.
# Version:   msmtp 1.8.23-1 (Debian 12)
# Source:    run; src/eval.c, where what pclose() returns goes unread
# Date:      2026-11-28
# Needs:     Debian 12, python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -n "${server:-}" ] && kill "$server" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -qq download msmtp=1.8.23-1 libgsasl18 libntlm0 libsecret-1-0 2> /dev/null
for package in ./*.deb; do dpkg -x "$package" unpacked; done
cat > server.py << 'PYTHON'
"""A submission server that offers OAUTHBEARER, writes down what it is sent, and takes nothing."""
import base64
import socketserver

class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say(b"220 ready")
        for line in self.rfile:
            verb, *rest = line.split()
            if verb == b"EHLO":
                self.say(b"250-mail.example.com", b"250 AUTH OAUTHBEARER")
            elif verb == b"AUTH":
                with open("sent", "wb") as sent:
                    sent.write(base64.b64decode(rest[1]))
                self.say(b"535 5.7.8 Authentication credentials invalid")
            else:
                self.say(b"250 OK")

    def say(self, *lines):
        self.wfile.write(b"".join(line + b"\r\n" for line in lines))

with socketserver.TCPServer(("127.0.0.1", 0), Session) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
PYTHON
python3 server.py > port &
server=$!
until [ -s port ]; do sleep 0.1; done
sends() { # by what the helper does
  rm -f sent
  status=0
  printf 'Subject: hello\n\nhello\n' | LD_LIBRARY_PATH=$(echo unpacked/usr/lib/*-linux-gnu) unpacked/usr/bin/msmtp \
    --host=127.0.0.1 --port="$(cat port)" --tls=off --auth=oauthbearer --user=alice@example.com \
    --passwordeval="$1" --from=alice@example.com bob@example.com 2> complaint || status=$?
  [ -f sent ] && tr '\1' '\n' < sent | grep '^auth='
  sed 's/^msmtp: //' complaint | head -2
  echo "exit status $status"
}
{
  echo '— the helper says why on its output, and exits 1'
  sends 'echo "invalid_grant: sign in again"; exit 1'
  echo '— the helper says nothing, and exits 1'
  sends 'exit 1'
} | tee said
diff - said << 'SAID'
— the helper says why on its output, and exits 1
auth=Bearer invalid_grant: sign in again
authentication failed (method OAUTHBEARER)
server message: 535 5.7.8 Authentication credentials invalid
exit status 77
— the helper says nothing, and exits 1
cannot read output of 'exit 1'
exit status 78
SAID
