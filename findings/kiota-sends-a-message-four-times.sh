#!/usr/bin/env bash
# Expected:  a POST that a gateway gave up on (504) is not sent again by a client's defaults: nobody knows whether it
#            was carried out, and sendMail has no key that would tell a second one from the first. urllib3's Retry,
#            which repeats GET and PUT on the same list of answers, leaves POST out for that reason.
# Really:    the HTTP client under Microsoft's SDK for Graph repeats any request that is answered 429, 503 or 504, three
#            times, whatever its method: where the gateway gave up and the host behind it did not, one call of sendMail
#            is four messages, to a customer or as a mailbox's proof of life, and in the end the caller is told 504.
#            500 and 502 are not repeated.
# Version:   microsoft-kiota-http 1.16.0, as in msgraph-core 1.5.2; requests 2.34.2, urllib3 2.8.0 for the other (PyPI)
# Source:    run; kiota_http/middleware/retry_handler.py, DEFAULT_RETRY_STATUS_CODES
# Date:      2026-11-28
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install \
    microsoft-kiota-http==1.16.0 msgraph-core==1.5.2 requests==2.34.2 urllib3==2.8.0 2> /dev/null
python/bin/python - << 'PYTHON' | tee said
import asyncio
import http.server
import json
import threading

import requests
from kiota_abstractions.api_error import APIError
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from msgraph_core import BaseGraphRequestAdapter
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

class Gateway(http.server.BaseHTTPRequestHandler):
    """In front of a host that sends each message it is given, and is too slow for the gateway."""
    answer, sent = 504, 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        Gateway.sent += 1
        self.send_response(self.answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}/v1.0/me/sendMail"
message = {"message": {"subject": "Hello", "toRecipients": [{"emailAddress": {"address": "alice@example.com"}}]}}

async def by_graph():
    """Graph's SDK as its generated code calls it, without signing in."""
    request = RequestInformation(Method.POST)
    request.url = url
    request.set_stream_content(json.dumps(message).encode(), "application/json")
    try:
        await BaseGraphRequestAdapter(AnonymousAuthenticationProvider()).send_no_response_content_async(request, {})
    except APIError as refused:
        return refused.response_status_code

def by_requests():
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=Retry(3, status_forcelist=[502, 504], raise_on_status=False)))
        return session.post(url, json=message).status_code

for answer in (504, 502):
    for name, send in (("requests and urllib3", by_requests), ("Graph's SDK", lambda: asyncio.run(by_graph()))):
        Gateway.answer, Gateway.sent = answer, 0
        told = send()
        print(f"{answer}, {name}: sent {Gateway.sent} times, the caller is told {told}", flush=True)
PYTHON
diff - said << 'SAID'
504, requests and urllib3: sent 1 times, the caller is told 504
504, Graph's SDK: sent 4 times, the caller is told 504
502, requests and urllib3: sent 1 times, the caller is told 502
502, Graph's SDK: sent 1 times, the caller is told 502
SAID
