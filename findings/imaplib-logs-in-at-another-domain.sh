#!/usr/bin/env bash
# Expected:  one host name is one host: where requests finds a mail host's configuration, imaplib logs in; and a
#            certificate that is valid for the name is the host's that was named.
# Really:    straße.example and strasse.example are two domains, which two people may own. Python's sockets still write
#            names by IDNA of 2003, where ß is ss, and requests, curl and browsers by that of 2008, where it isn't. So
#            imaplib takes the password for straße.example to strasse.example, over TLS, and finds the certificate
#            there valid for "straße.example": ssl writes the name like that, too. (ς and σ are alike.) Only a
#            name in the form that the DNS holds, xn--…, goes where it says.
# Version:   python 3.11 (imaplib, ssl), requests 2.34.2 with idna 3.10 (PyPI), curl 7.88 (Debian 12)
# Source:    run; docs.python.org/3/library/codecs.html ("encodings.idna", RFC 3490 only); RFC 5891;
#            unicode.org/reports/tr46
# Date:      2026-11-28
# Needs:     Debian 12, python3, curl, openssl
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -n "${server:-}" ] && kill "$server" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -qq download libnss-wrapper 2> /dev/null
dpkg -x ./libnss-wrapper*.deb unpacked
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install requests==2.34.2 idna==3.10 2> /dev/null
for name in strasse xn--strae-oqa; do
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$name" -addext "subjectAltName=DNS:$name.example" \
      -keyout "$name.key" -out "$name.pem" 2> /dev/null
done
cat strasse.pem xn--strae-oqa.pem > trusted.pem
cat > server.py << 'PYTHON'
"""Two hosts, strasse.example at 127.0.0.1 and xn--strae-oqa.example at 127.0.0.2: IMAP and HTTP, both over TLS."""
import http.server
import socketserver
import ssl
import threading

HOSTS = {"127.0.0.1": "strasse", "127.0.0.2": "xn--strae-oqa"}

class Imap(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        for line in self.rfile:
            tag, command, *words = line.decode().split()
            if command == "LOGIN":
                print(f"IMAP: {' '.join(words)} at {HOSTS[self.server.server_address[0]]}.example", flush=True)
            if command == "CAPABILITY":
                self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n")
            self.wfile.write(f"{tag} OK done\r\n".encode())

class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(f"HTTP: {self.path} at {HOSTS[self.server.server_address[0]]}.example", flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

ports = []
for handler in (Imap, Web):
    port = 0
    for address, name in HOSTS.items():
        server = socketserver.ThreadingTCPServer((address, port), handler, bind_and_activate=False)
        server.daemon_threads = True
        server.server_bind()
        server.server_activate()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{name}.pem", f"{name}.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever).start()
        port = server.server_address[1]
    ports.append(port)
print(*ports, flush=True)
PYTHON
python3 server.py > heard &
server=$!
until [ -s heard ]; do sleep 0.1; done
read -r imap web < heard
printf '127.0.0.1 strasse.example\n127.0.0.2 xn--strae-oqa.example\n' > hosts
wrapper=$(find "$tmp/unpacked" -name 'libnss_wrapper.so*' | head -n 1)
wrapped() { LD_PRELOAD=$wrapper NSS_WRAPPER_HOSTS="$tmp/hosts" LC_ALL=C.UTF-8 "$@"; }
wrapped python/bin/python -c "
import requests
requests.get('https://straße.example:$web/by-requests', verify='trusted.pem')"
wrapped curl --silent --cacert trusted.pem --user by-curl:secret "imaps://straße.example:$imap/" || true
for name in straße.example xn--strae-oqa.example; do
  wrapped python/bin/python -c "
import imaplib, ssl
trust = ssl.create_default_context(cafile='trusted.pem')
imaplib.IMAP4_SSL('$name', $imap, ssl_context=trust).login('by-imaplib', 'secret')"
done
tail -n +2 heard | tee said
diff - said << 'SAID'
HTTP: /by-requests at xn--strae-oqa.example
IMAP: by-curl secret at xn--strae-oqa.example
IMAP: by-imaplib "secret" at strasse.example
IMAP: by-imaplib "secret" at xn--strae-oqa.example
SAID
