#!/usr/bin/env bash
# Expected:  ImapFlow's error.authenticationFailed is true for wrong credentials, so that a program may ask its
#            user for the password again.
# Really:    it is true for every tagged NO to a login: also for [UNAVAILABLE], which RFC 5530 has for "a temporary
#            failure because a subsystem is down", and for [INUSE] and [LIMIT]. Only error.serverResponseCode tells.
# Version:   imapflow 2.10.2 (npm)
# Source:    run; dist/cjs/commands/{login,authenticate}.js; RFC 5530 §3
# Date:      2026-11-28
# Needs:     node 20, npm, python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -n "${server:-}" ] && kill "$server" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . imapflow@2.10.2 > /dev/null
cat > server.py << 'PYTHON'
"""An IMAP server whose password store is down: each connection is told the next of these."""
import socketserver

ANSWERS = iter([b"NO [UNAVAILABLE] Temporary authentication failure", b"NO [LIMIT] Too many connections",
                b"NO [AUTHENTICATIONFAILED] Invalid credentials"])

class Session(socketserver.StreamRequestHandler):
    def handle(self):
        answer = next(ANSWERS)
        self.say(b"* OK ready")
        for line in self.rfile:
            tag, verb, *rest = line.split()
            if verb.upper() == b"CAPABILITY":
                self.say(b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN", tag + b" OK done")
            elif verb.upper() in {b"LOGIN", b"AUTHENTICATE"}:
                self.say(tag + b" " + answer)
            else:
                self.say(tag + b" OK done")

    def say(self, *lines):
        self.wfile.write(b"".join(line + b"\r\n" for line in lines))

with socketserver.TCPServer(("127.0.0.1", 0), Session) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
PYTHON
cat > client.cjs << 'NODE'
const { ImapFlow } = require('imapflow');
async function login(port) {
  const client = new ImapFlow({ host: '127.0.0.1', port, secure: false, doSTARTTLS: false, logger: false,
    auth: { user: 'alice@example.com', pass: 'the-right-one' } });
  client.on('error', () => {});
  try { await client.connect(); } catch (error) {
    client.close();
    return `${error.serverResponseCode}: authenticationFailed = ${error.authenticationFailed}`;
  }
}
(async () => { for (let n = 0; n < 3; n++) console.log(await login(Number(process.argv[2]))); process.exit(0); })();
NODE
python3 server.py > port &
server=$!
until [ -s port ]; do sleep 0.1; done
node client.cjs "$(cat port)" | tee said
printf '%s: authenticationFailed = true\n' UNAVAILABLE LIMIT AUTHENTICATIONFAILED | diff - said
