#!/usr/bin/env bash
# Expected:  with token rotation an installation has two grants, the bot's and that of the person who installed it; each
#            is renewed for itself, so that a person who left takes their own away and nobody else's.
# Really:    slack_sdk's TokenRotator renews the bot's first, holds the answer in a local variable, and raises when the
#            person's is refused: the bot's new token and refresh token are in nobody's hands, and the store keeps the
#            refresh token that was just used up. Slack revokes a refresh token when it is used, so the next renewal is
#            refused as well, and half a day later the whole workspace has no bot, because one of its people left.
#            AsyncTokenRotator is the same; the error carries nothing but the refusal.
# Version:   slack_sdk 3.48.0 (PyPI)
# Source:    run; slack_sdk/oauth/token_rotation/rotator.py:perform_token_rotation;
#            docs.slack.dev/authentication/using-token-rotation
# Date:      2026-11-28
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install slack_sdk==3.48.0 2> /dev/null
python/bin/python - << 'PYTHON' | tee said
import http.server
import json
import threading
import time
import urllib.parse

from slack_sdk import WebClient
from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.token_rotation import TokenRotator

class Slack(http.server.BaseHTTPRequestHandler):
    """oauth.v2.access: each refresh token is good once, and those of a person who left are good for nothing."""
    good, renewed = {"bot-grant-0", "person-grant-0"}, 0

    def do_POST(self):
        words = self.rfile.read(int(self.headers["Content-Length"])).decode()
        used = dict(urllib.parse.parse_qsl(words))["refresh_token"]
        answer = {"ok": False, "error": "invalid_refresh_token"}
        if used in self.good:
            Slack.renewed += 1
            whose = used.split("-")[0]
            fresh = f"{whose}-grant-{self.renewed}"
            Slack.good = self.good - {used} | {fresh}
            answer = {"ok": True, "access_token": f"{whose}-token-{self.renewed}", "refresh_token": fresh,
                      "token_type": "bot" if whose == "bot" else "user", "expires_in": 43200, "app_id": "A1",
                      "team": {"id": "T1"}}
        print(f"  oauth.v2.access with {used}: {answer.get('refresh_token') or answer['error']}", flush=True)
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slack)
threading.Thread(target=server.serve_forever, daemon=True).start()
rotator = TokenRotator(client_id="1.2", client_secret="secret",
                       client=WebClient(base_url=f"http://127.0.0.1:{server.server_address[1]}/"))
soon = int(time.time()) + 60
kept = Installation(app_id="A1", team_id="T1", user_id="U1", bot_token="bot-token-0", bot_refresh_token="bot-grant-0",
                    bot_token_expires_at=soon, user_token="person-token-0", user_refresh_token="person-grant-0",
                    user_token_expires_at=soon)
for has_left in (False, True, True):
    print("the person has left" if has_left else "both are there")
    if has_left:
        Slack.good = {grant for grant in Slack.good if grant.startswith("bot")}
    kept.bot_token_expires_at = kept.user_token_expires_at = soon
    try:
        kept = rotator.perform_token_rotation(installation=kept, minutes_before_expiration=120)
    except SlackTokenRotationError as refused:
        print(f"  raised: {refused.api_error.response['error']}")
    print(f"  in the store: {kept.bot_refresh_token}, good at Slack: {', '.join(sorted(Slack.good))}")
PYTHON
diff - said << 'SAID'
both are there
  oauth.v2.access with bot-grant-0: bot-grant-1
  oauth.v2.access with person-grant-0: person-grant-2
  in the store: bot-grant-1, good at Slack: bot-grant-1, person-grant-2
the person has left
  oauth.v2.access with bot-grant-1: bot-grant-3
  oauth.v2.access with person-grant-2: invalid_refresh_token
  raised: invalid_refresh_token
  in the store: bot-grant-1, good at Slack: bot-grant-3
the person has left
  oauth.v2.access with bot-grant-1: invalid_refresh_token
  raised: invalid_refresh_token
  in the store: bot-grant-1, good at Slack: bot-grant-3
SAID
