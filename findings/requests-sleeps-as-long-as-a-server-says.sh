#!/usr/bin/env bash
# Expected:  HTTPAdapter(max_retries=1) of requests repeats what never reached the server: "this applies only to
#            failed DNS lookups, socket connections and connection timeouts, never to requests where data has made it
#            to the server" (its docstring). A 429 comes back at once, and timeout=1 bounds the wait.
# Really:    a GET that is answered 429, 503 or 413 with Retry-After is sent again, after sleeping for as long as the
#            server says, beside any timeout and without a limit: an hour, or the 24 that a provider may ask for. The
#            thread sleeps in urllib3, which honours Retry-After for any Retry that has tries left. A POST, and an
#            answer without the header, come back at once. MSAL for Python mounts just this adapter for its own calls.
# Version:   requests 2.34.2, urllib3 2.8.0 (PyPI); the adapter in msal 1.39.0
# Source:    run; urllib3/util/retry.py:is_retry and sleep_for_retry; msal/application.py
# Date:      2026-11-28
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install requests==2.34.2 urllib3==2.8.0 2> /dev/null
python/bin/python - << 'PYTHON' | tee said
import http.server
import threading
import time
import requests
from requests.adapters import HTTPAdapter

ASKED = []

class Busy(http.server.BaseHTTPRequestHandler):
    """Wants to be left alone for four seconds."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        ASKED.append(self.command)
        self.send_response(429)
        if self.path == "/says":
            self.send_header("Retry-After", "4")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_address[1]}"
for retries, method, path in ((0, "GET", "/says"), (1, "GET", "/says"), (1, "POST", "/says"), (1, "GET", "/silent")):
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=retries))
    ASKED.clear()
    began = time.monotonic()
    answer = session.request(method, url + path, timeout=1)
    took = time.monotonic() - began
    slept = "at once" if took < 1 else "after 4 s" if 3.5 < took < 8 else f"after {took:.1f} s"
    print(f"max_retries={retries}, timeout=1, {method} {path}: {answer.status_code} {slept}, asked {len(ASKED)} times")
PYTHON
diff - said << 'SAID'
max_retries=0, timeout=1, GET /says: 429 at once, asked 1 times
max_retries=1, timeout=1, GET /says: 429 after 4 s, asked 2 times
max_retries=1, timeout=1, POST /says: 429 at once, asked 1 times
max_retries=1, timeout=1, GET /silent: 429 at once, asked 1 times
SAID
