#!/usr/bin/env bash
# Expected:  whoever gets invalid_grant for a refresh token, and wants to be sure before a person is asked to sign in
#            again, tries a second time: two refusals from Microsoft are two witnesses.
# Really:    MSAL for Python remembers an answer of 400 for 60 seconds, and gives it again to the same request without
#            asking anybody. So the second witness is the first one's echo, and a token that works again (a policy
#            that was lifted, a slip of Microsoft's) is called dead until the minute is over. Nor does force_refresh
#            pass it by, a comment in the source says; another application object asks Microsoft.
# Version:   msal 1.39.0 (PyPI)
# Source:    run; msal/throttled_http_client.py, "UI required cache"
# Date:      2026-11-28
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install msal==1.39.0 2> /dev/null
python/bin/python - << 'PYTHON' | tee said
import json
import msal

HOST = "https://login.microsoftonline.com/contoso.onmicrosoft.com"

class Answer:
    def __init__(self, status_code, body):
        self.status_code, self.text, self.headers = status_code, json.dumps(body), {}

    def raise_for_status(self):
        assert self.status_code < 400

class Microsoft:
    """The network, as MSAL lets one hand it in: it counts who asks for tokens."""

    def __init__(self):
        self.asked, self.is_blocked = 0, True

    def get(self, url, **_):
        return Answer(200, {"issuer": HOST, "authorization_endpoint": f"{HOST}/oauth2/v2.0/authorize",
                            "token_endpoint": f"{HOST}/oauth2/v2.0/token"})

    def post(self, url, **_):
        self.asked += 1
        if self.is_blocked:
            return Answer(400, {"error": "invalid_grant", "error_description": "AADSTS53003: Access has been blocked"})
        return Answer(200, {"access_token": "new", "refresh_token": "next", "expires_in": 3600, "token_type": "Bearer"})

    def close(self):
        pass

def application():
    return msal.ConfidentialClientApplication("client", client_credential="secret", authority=HOST,
                                              http_client=microsoft, instance_discovery=False)

def tries(app, when):
    found = app.acquire_token_by_refresh_token("the-refresh-token", ["https://graph.microsoft.com/Mail.Read"])
    said = found.get("error") or "a token"
    print(f"{when}: {said}; Microsoft was asked {microsoft.asked} times in all")

microsoft = Microsoft()
first = application()
tries(first, "refused")
tries(first, "a second witness")
microsoft.is_blocked = False
tries(first, "the block is lifted")
tries(application(), "another application object")
PYTHON
diff - said << 'SAID'
refused: invalid_grant; Microsoft was asked 1 times in all
a second witness: invalid_grant; Microsoft was asked 1 times in all
the block is lifted: invalid_grant; Microsoft was asked 1 times in all
another application object: a token; Microsoft was asked 2 times in all
SAID
