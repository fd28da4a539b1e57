#!/usr/bin/env bash
# Expected:  with numberOfApiCallRetries: 1 a call that meets a 502 is made once more. Its README: "any API Call [that]
#            receives ISE5xx … will be retried", and "Number of retries will not exceed" that number.
# Really:    the number is that of attempts. 1 is no retry at all, and looks switched on; 3 are two retries. One gateway
#            hiccup of HubSpot's is then the answer, and whoever reads inboxes by it calls them gone.
# Version:   @hubspot/api-client 14.0.1 (npm); 13.5.0 has the same lines
# Source:    run; lib/src/services/decorators/RetryDecorator.js, which counts from 1 to the number with the first call in it
# Date:      2026-11-29
# Needs:     node 20, npm, python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -n "${server:-}" ] && kill "$server" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . @hubspot/api-client@14.0.1 > /dev/null
cat > server.py << 'PYTHON'
"""HubSpot's list of users: each bearer meets a gateway's 502 twice, and then is answered. It counts the requests."""
import collections
import http.server
import json

ASKED = collections.Counter()

class Portal(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        who = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.path == "/asked":
            status, answer = 200, ASKED
        else:
            ASKED[who] += 1
            status, answer = (502, {"message": "Bad Gateway"}) if ASKED[who] <= 2 else (200, {"results": []})
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
PYTHON
cat > client.cjs << 'NODE'
const { Client } = require('@hubspot/api-client');
const basePath = `http://127.0.0.1:${process.argv[2]}`;
console.error = () => {};  // it announces each retry

(async () => {
  for (const number of [0, 1, 2, 3]) {
    const accessToken = `retries-${number}`;
    const client = new Client({ accessToken, basePath, numberOfApiCallRetries: number });
    const answer = await client.settings.users.usersApi.getPage().then(() => 'answered', (error) => `error ${error.code}`);
    const asked = await (await fetch(`${basePath}/asked`)).json();
    console.log(`numberOfApiCallRetries: ${number}  requests: ${asked[accessToken]}  ${answer}`);
  }
})();
NODE
python3 server.py > port & server=$!
until [ -s port ]; do sleep 0.1; done
node client.cjs "$(cat port)" | tee seen
diff - seen << 'EXPECTED'
numberOfApiCallRetries: 0  requests: 1  error 502
numberOfApiCallRetries: 1  requests: 1  error 502
numberOfApiCallRetries: 2  requests: 2  error 502
numberOfApiCallRetries: 3  requests: 3  answered
EXPECTED
