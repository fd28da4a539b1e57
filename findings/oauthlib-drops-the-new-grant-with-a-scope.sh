#!/usr/bin/env bash
# Expected:  a renewal that the provider answers with 200 has succeeded: its new access token is used, its new refresh
#            token kept. A scope that is no longer in it (RFC 6749 §5.1 has the provider say so) is for the program.
# Really:    oauthlib compares the answer's scopes with those that it asked for, and where one is missing raises a
#            Warning, which is an exception here and no line in a log. requests-oauthlib goes no further: the session
#            keeps the refresh token that was just used, the token updater isn't called, and where each is good once
#            (Okta, Auth0, Keycloak, if told to) the next renewal is invalid_grant. So an admin who takes one permission
#            away takes the mailbox along. The new grant is nowhere but in the exception's attribute "token". The order
#            of the scopes doesn't matter, and with OAUTHLIB_RELAX_TOKEN_SCOPE in the environment the renewal counts.
# Version:   oauthlib 4.0.1, requests-oauthlib 2.0.0 (PyPI)
# Source:    run; oauthlib/oauth2/rfc6749/parameters.py, validate_token_parameters; RFC 6749 §5.1 and §6
# Date:      2026-11-29
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install \
    oauthlib==4.0.1 requests-oauthlib==2.0.0 requests==2.34.2 2> /dev/null
cat > renew.py << 'PYTHON'
import http.server
import json
import os
import threading
import urllib.parse

from requests_oauthlib import OAuth2Session

class Provider(http.server.BaseHTTPRequestHandler):
    """Renews each grant once, with the scopes that ``scope`` names."""
    scope, renewed = "", 0

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        is_good = form["refresh_token"] == [f"grant-{self.renewed}"]
        Provider.renewed += is_good
        body = json.dumps({
            "access_token": f"token-{self.renewed}", "token_type": "Bearer", "expires_in": 3600,
            "refresh_token": f"grant-{self.renewed}", "scope": self.scope,
        } if is_good else {"error": "invalid_grant"}).encode()
        self.send_response(200 if is_good else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}/token"
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

def renew_twice(scope):
    Provider.scope, Provider.renewed = scope, 0
    session = OAuth2Session("id", scope=["imap", "smtp"], token={
        "access_token": "token-0", "token_type": "Bearer", "refresh_token": "grant-0", "scope": ["imap", "smtp"]})
    for _ in range(2):
        try:
            session.refresh_token(url)
            said = "renewed"
        except Exception as problem:
            said = type(problem).__name__
        held = session.token["refresh_token"]
        print(f"  {said}; the session has {held}, the provider takes grant-{Provider.renewed}")

for case, scope in (("both scopes", "smtp imap"), ("one scope", "imap")):
    print(f"{case} in the answer:")
    renew_twice(scope)
os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"
print("one scope, OAUTHLIB_RELAX_TOKEN_SCOPE:")
renew_twice("imap")
PYTHON
python/bin/python renew.py | tee said
diff - said << 'SAID'
both scopes in the answer:
  renewed; the session has grant-1, the provider takes grant-1
  renewed; the session has grant-2, the provider takes grant-2
one scope in the answer:
  Warning; the session has grant-0, the provider takes grant-1
  InvalidGrantError; the session has grant-0, the provider takes grant-1
one scope, OAUTHLIB_RELAX_TOKEN_SCOPE:
  renewed; the session has grant-1, the provider takes grant-1
  renewed; the session has grant-2, the provider takes grant-2
SAID
