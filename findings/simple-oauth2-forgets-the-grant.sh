#!/usr/bin/env bash
# Expected:  a token endpoint that sends no new refresh token leaves the old one valid (RFC 6749 §6), as Google does at
#            every renewal; a client that is asked to renew again uses the one it has.
# Really:    simple-oauth2's refresh() returns a token that is made of the answer alone. The grant is not in it, and the
#            renewal after that posts an empty one: "invalid_request", one token's life after all seemed well. Whoever
#            stores what refresh() returned in place of what he had has lost the mailbox.
# Version:   simple-oauth2 5.1.0, with google-auth-library 10.5.0 for what others do (npm)
# Source:    run; lib/access-token.js, which means to keep it, and reads it where it is not; RFC 6749 §6
# Date:      2026-11-28
# Needs:     node 20, npm, python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -n "${server:-}" ] && kill "$server" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . simple-oauth2@5.1.0 google-auth-library@10.5.0 > /dev/null
cat > server.py << 'PYTHON'
"""A token endpoint that renews as Google does: with no refresh token in its answer. It prints what it is asked with."""
import http.server
import json
import urllib.parse

class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        words = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(urllib.parse.parse_qsl(words, keep_blank_values=True))
        print("  asked with refresh_token", repr(form.get("refresh_token")), flush=True)
        is_known = form.get("refresh_token") == "the-grant"
        answer = {"access_token": "fresh", "token_type": "Bearer", "expires_in": 3599} if is_known else {
            "error": "invalid_request", "error_description": "Missing required parameter: refresh_token"}
        body = json.dumps(answer).encode()
        self.send_response(200 if is_known else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

with http.server.HTTPServer(("127.0.0.1", 0), Endpoint) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
PYTHON
cat > client.cjs << 'NODE'
const { AuthorizationCode } = require('simple-oauth2');
const { OAuth2Client } = require('google-auth-library');
const [, , port, name] = process.argv;
const host = `http://127.0.0.1:${port}`;

async function bySimple() {
  const client = new AuthorizationCode({ client: { id: 'id', secret: 'secret' },
    auth: { tokenHost: host, tokenPath: '/token' } });
  let token = client.createToken({ access_token: 'old', refresh_token: 'the-grant', expires_in: 0 });
  for (let n = 0; n < 2; n++) token = await token.refresh();
}

async function byGoogle() {
  const client = new OAuth2Client({ clientId: 'id', clientSecret: 'secret',
    endpoints: { oauth2TokenUrl: `${host}/token` } });
  client.setCredentials({ refresh_token: 'the-grant' });
  for (let n = 0; n < 2; n++) await client.refreshAccessToken();
}

(name === 'simple-oauth2' ? bySimple() : byGoogle()).then(
  () => console.log('  renewed twice'), (error) => console.log(`  ${error.data?.payload?.error ?? error}`));
NODE
python3 server.py > heard &
server=$!
until [ -s heard ]; do sleep 0.1; done
port=$(cat heard)
for name in google-auth-library simple-oauth2; do
  echo "$name:"
  before=$(wc -l < heard)
  said=$(node client.cjs "$port" "$name")
  tail -n "+$((before + 1))" heard
  echo "$said"
done | tee said
diff - said << 'SAID'
google-auth-library:
  asked with refresh_token 'the-grant'
  asked with refresh_token 'the-grant'
  renewed twice
simple-oauth2:
  asked with refresh_token 'the-grant'
  asked with refresh_token ''
  invalid_request
SAID
