#!/usr/bin/env bash
# Expected:  getmail's exit status says whether it could look into the mailbox: 0 if it did, another if not, be it the
#            password, the network or the host. Timers, cron and heartbeats go by it.
# Really:    a host that answers the login NO [UNAVAILABLE] is a success: one line on the error output, and status 0. A
#            host that is away, NO [AUTHENTICATIONFAILED] and NO [INUSE] are failures, as expected (127). Where a host
#            says UNAVAILABLE for good, as Dovecot does to a token that was revoked (see
#            dovecot-calls-a-dead-token-an-outage.sh), the heartbeat of a mailbox that brings no more mail beats on.
# Version:   getmail6 6.18.11-2 (Debian 12)
# Source:    run; getmailcore/_retrieverbases.py and the program getmail, where getmailLoginRefusedError is no error
# Date:      2026-11-28
# Needs:     Debian 12, python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -qq download getmail6=6.18.11-2 2> /dev/null
dpkg -x ./getmail6*.deb unpacked
mkdir -p mail/{cur,new,tmp}
cat > server.py << 'PYTHON'
"""An IMAP server that answers each login with what the file "answer" says."""
import socketserver

class Imap(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        for line in self.rfile:
            tag, command, *_ = line.decode().split()
            answers = {"CAPABILITY": "* CAPABILITY IMAP4rev1\r\n{} OK done", "LIST": "{} OK done",
                       "EXAMINE": "* 0 EXISTS\r\n* OK [UIDVALIDITY 1] valid\r\n{} OK [READ-ONLY] done",
                       "LOGIN": "{} " + open("answer").read().strip()}
            self.wfile.write((answers.get(command, "{} OK done").format(tag) + "\r\n").encode())

with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Imap) as server:
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
PYTHON
python3 server.py > heard &
server=$!
until [ -s heard ]; do sleep 0.1; done
cat > getmailrc << CONF
[retriever]
type = SimpleIMAPRetriever
server = 127.0.0.1
port = $(cat heard)
username = alice
password = secret
[destination]
type = Maildir
path = $tmp/mail/
[options]
verbose = 1
CONF
look() {
  status=0
  PYTHONPATH="$tmp/unpacked/usr/lib/python3/dist-packages" python3 unpacked/usr/bin/getmail --getmaildir "$tmp" \
      > out 2> errors || status=$?
  echo "$1: status $status$(sed -n 's/^getmailrc: \([a-z/ ]*\) (.*/, \1/p' errors)"
}
{
  for answer in "OK welcome" "NO [AUTHENTICATIONFAILED] wrong" "NO [INUSE] busy" "NO [UNAVAILABLE] later"; do
    echo "$answer" > answer
    look "$answer"
  done
  kill "$server"
  look "the host is away"
} | tee said
diff - said << 'SAID'
OK welcome: status 0
NO [AUTHENTICATIONFAILED] wrong: status 127, credential/login error
NO [INUSE] busy: status 127, credential/login error
NO [UNAVAILABLE] later: status 0, login refused error
the host is away: status 127, socket error
SAID
