#!/usr/bin/env bash
# Expected:  "expires_in": 0 in a token endpoint's answer is a token that has ended, or is good for one request; a
#            client that renews tokens by itself asks for another before the next request.
# Really:    in Authlib and oauthlib 0 is not "ends now" but "no end": the field is left out of the token, which is
#            held to be valid for good and never renewed. One second is renewed as it should be. Authlib does see the
#            end where the same number comes as a text, "0"; to oauthlib that is no end, either.
# Version:   Authlib 1.9.10, oauthlib 4.0.1 with requests-oauthlib 2.0.0 (PyPI)
# Source:    run; authlib/oauth2/rfc6749/wrappers.py, where 0 is as good as no expires_in; RFC 6749 §5.1
# Date:      2026-11-28
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install \
    Authlib==1.9.10 oauthlib==4.0.1 requests-oauthlib==2.0.0 requests==2.34.2 2> /dev/null
OAUTHLIB_INSECURE_TRANSPORT=1 python/bin/python - << 'PYTHON' | tee said
import http.server
import json
import threading
import time

from authlib.integrations.requests_client import OAuth2Session as ByAuthlib
from requests_oauthlib import OAuth2Session as ByOauthlib

class Provider(http.server.BaseHTTPRequestHandler):
    """Renews tokens (POST) that live for ``life`` seconds, and takes them all (GET)."""
    life, renewed = 0, 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        Provider.renewed += 1
        self.say({"access_token": f"token-{self.renewed}", "token_type": "Bearer", "expires_in": self.life})

    def do_GET(self):
        self.say({})

    def say(self, what):
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}"

def by_authlib():
    return ByAuthlib("id", "secret", token_endpoint=f"{url}/token")

def by_oauthlib():
    kept = lambda token: None
    return ByOauthlib("id", auto_refresh_url=f"{url}/token", auto_refresh_kwargs={"client_id": "id"}, token_updater=kept)

for name, make in (("Authlib", by_authlib), ("oauthlib", by_oauthlib)):
    for life in (1, "0", 0):
        Provider.life, Provider.renewed = life, 0
        client = make()
        client.token = client.refresh_token(f"{url}/token", refresh_token="the-grant")
        for _ in range(2):
            time.sleep(1.1)
            client.get(f"{url}/mailbox")
        print(f"{name}, expires_in {json.dumps(life)}: renewed {Provider.renewed - 1} times for 2 requests,",
              "ends" if client.token.get("expires_at") else "has no end")
PYTHON
diff - said << 'SAID'
Authlib, expires_in 1: renewed 2 times for 2 requests, ends
Authlib, expires_in "0": renewed 2 times for 2 requests, ends
Authlib, expires_in 0: renewed 0 times for 2 requests, has no end
oauthlib, expires_in 1: renewed 2 times for 2 requests, ends
oauthlib, expires_in "0": renewed 0 times for 2 requests, has no end
oauthlib, expires_in 0: renewed 0 times for 2 requests, has no end
SAID
