#!/usr/bin/env bash
# Expected:  a proxy that holds a mailbox's refresh token forgets it when the provider says invalid_grant, only then: a
#            token endpoint that is away, a wrong secret (invalid_client) and an application that an administrator has
#            switched off (unauthorized_client, RFC 6749 §5.2) pass, and the grant is as good as before.
# Really:    Email OAuth 2.0 Proxy goes by the HTTP status. 503 and 401 leave the grant alone; on any 400 it drops the
#            access token, asks once more in the same second, and on the second 400 deletes the refresh token from its
#            file and waits for a person to sign in. An application that was off for a minute has cost each mailbox
#            that was looked at meanwhile its grant, and after that minute every one of them needs its owner.
# Version:   emailproxy 2026.7.3 (PyPI)
# Source:    run; emailproxy.py, refresh_oauth2_access_token ("400 Bad Request typically means re-authentication is
#            required"), get_oauth2_credentials; RFC 6749 §5.2
# Date:      2026-11-29
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install emailproxy==2026.7.3 2> /dev/null
cat > look.py << 'PYTHON'
"""What a login at the proxy does where the provider answers the renewal as named."""
import configparser
import http.server
import json
import sys
import threading

import emailproxy as proxy

status, answer = int(sys.argv[1]), sys.argv[2]
asked = threading.Semaphore(0)

class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"error": answer}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        asked.release()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}"
user, password = "support@example.com", "the proxy's password"

# What the proxy has stored of a mailbox that signed in an hour ago.
proxy.CONFIG_FILE_PATH = proxy.CACHE_STORE = "emailproxy.config"
proxy.Log.initialise("emailproxy.log")
stored = configparser.RawConfigParser()
stored.read_dict({user: {
    "permission_url": f"{url}/authorize", "token_url": f"{url}/token", "oauth2_scope": "imap offline_access",
    "redirect_uri": "http://localhost:8080", "client_id": "id", "client_secret": "secret"}})
safe = proxy.Cryptographer(stored, user, password)
stored.read_dict({user: {
    "token_salt": safe.salt, "token_iterations": str(safe.iterations), "access_token": safe.encrypt("token"),
    "access_token_expiry": "0", "refresh_token": safe.encrypt("grant")}})
with open(proxy.CONFIG_FILE_PATH, "w", encoding="utf-8") as file:
    stored.write(file)
proxy.AppConfig._PARSER = None

ended = []
look = threading.Thread(
    target=lambda: ended.append(proxy.OAuth2Helper.get_oauth2_credentials(user, password)), daemon=True)
look.start()
# It either ends, or has asked for a person by now (REQUEST_QUEUE) and waits for ten minutes.
while look.is_alive() and proxy.REQUEST_QUEUE.empty():
    look.join(0.1)
posts = 0
while asked.acquire(blocking=False):
    posts += 1
kept = configparser.RawConfigParser()
kept.read(proxy.CONFIG_FILE_PATH)
print(f"{status} {answer}: asked {posts} times, the grant is", "kept" if "refresh_token" in kept[user] else "deleted",
      "" if ended else "and a person is asked for")
PYTHON
{
  for answer in "503 temporarily_unavailable" "401 invalid_client" "400 unauthorized_client" "400 invalid_grant"; do
    # shellcheck disable=SC2086
    timeout 60 python/bin/python look.py $answer | sed -n 's/ *$//; /the grant is/p'
  done
} | tee said
diff - said << 'SAID'
503 temporarily_unavailable: asked 1 times, the grant is kept
401 invalid_client: asked 1 times, the grant is kept
400 unauthorized_client: asked 2 times, the grant is deleted and a person is asked for
400 invalid_grant: asked 2 times, the grant is deleted and a person is asked for
SAID
