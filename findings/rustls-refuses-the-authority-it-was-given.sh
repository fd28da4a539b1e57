#!/usr/bin/env bash
# Expected:  a server of one's own network shows a certificate that signed itself (openssl req -x509); a client that is
#            told to trust that very certificate takes it, as OpenSSL and everything on it does.
# Really:    rustls, under pyreqwest and other clients written in Rust, refuses it: CaUsedAsEndEntity. "openssl req
#            -x509" writes CA:TRUE unless told otherwise, and to rustls no authority is a server, trusted or not.
#            The same certificate with CA:FALSE, which must not have signed anything, is taken as its own authority.
# Version:   pyreqwest 0.15.1 (PyPI), requests 2.34.2 for OpenSSL's answer
# Source:    run; the rule is rustls-webpki's own: RFC 5280 §4.2.1.9 lets an authority be a server, too
# Date:      2026-11-28
# Needs:     python3, openssl 3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -n "${servers:-}" ] && kill "$servers" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install pyreqwest==0.15.1 requests==2.34.2 2> /dev/null
for authority in TRUE FALSE; do
  cat > request << CONF
[req]
distinguished_name = name
x509_extensions = more
prompt = no
[name]
CN = intranet
[more]
subjectAltName = DNS:localhost
basicConstraints = critical, CA:$authority
CONF
  openssl req -x509 -newkey rsa:2048 -nodes -days 7 -config request -keyout "$authority.key" -out "$authority.pem" \
      2> /dev/null
done
openssl req -x509 -newkey rsa:2048 -nodes -days 7 -subj /CN=intranet -keyout plain.key -out plain.pem 2> /dev/null
echo "openssl req -x509, not told otherwise: $(openssl x509 -in plain.pem -noout -ext basicConstraints | grep -o CA:.*)" > said
cat > servers.py << 'PYTHON'
"""One server for each certificate."""
import http.server
import ssl
import threading

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that hung up in the handshake."""

ports = []
for authority in ("TRUE", "FALSE"):
    server = Server(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{authority}.pem", f"{authority}.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    ports.append(server.server_address[1])
    threading.Thread(target=server.serve_forever).start()
print(*ports, flush=True)
PYTHON
python3 servers.py > ports &
servers=$!
until [ -s ports ]; do sleep 0.1; done
python/bin/python - $(cat ports) << 'PYTHON' >> said
import sys
from pathlib import Path

import requests
from pyreqwest.client import SyncClientBuilder
from pyreqwest.exceptions import ConnectError

for authority, port in zip(("TRUE", "FALSE"), sys.argv[1:], strict=True):
    url, trusted = f"https://localhost:{port}/", f"{authority}.pem"
    print(f"CA:{authority}, OpenSSL:", requests.get(url, verify=trusted).status_code)
    with SyncClientBuilder().add_root_certificate_pem(Path(trusted).read_bytes()).build() as client:
        try:
            print(f"CA:{authority}, rustls:", client.get(url).build().send().status)
        except ConnectError as error:
            print(f"CA:{authority}, rustls:", error.details["causes"][-1]["message"])
PYTHON
cat said
diff - said << 'SAID'
openssl req -x509, not told otherwise: CA:TRUE
CA:TRUE, OpenSSL: 204
CA:TRUE, rustls: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))
CA:FALSE, OpenSSL: 204
CA:FALSE, rustls: 204
SAID
