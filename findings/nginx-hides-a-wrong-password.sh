#!/usr/bin/env bash
# Expected:  a proxy hands on what the mail server behind it answers to the login: the tagged NO, and its response code
#            [AUTHENTICATIONFAILED]. At least it answers NO.
# Really:    nginx's mail proxy says "* BAD internal server error", without the command's tag, and hangs up: the same
#            as if that server were down. A password that was changed there is an outage to whoever looks through
#            nginx; only where nginx's own authentication service refuses it is there a NO. (SMTP with "proxy_smtp_auth
#            on" is alike: the 535 of the server behind becomes 451 4.3.2.) "proxy_pass_error_message on" changes it.
# Version:   nginx, libnginx-mod-mail 1.22.1-9 (Debian 12; seen with +deb12u11)
# Source:    run; src/mail/ngx_mail_proxy_module.c, where any answer but OK is "upstream sent invalid response";
#            nginx.org/en/docs/mail/ngx_mail_proxy_module.html
# Date:      2026-11-28
# Needs:     Debian 12, python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -n "${proxy:-}" ] && kill "$proxy" 2> /dev/null; [ -n "${servers:-}" ] && kill "$servers" 2> /dev/null
      rm -rf "$tmp"' EXIT
cd "$tmp"
version=$(apt-cache madison nginx | awk '$3 ~ /^1\.22\.1-9/ {print $3; exit}')
apt-get -qq download "nginx=$version" "libnginx-mod-mail=$version" 2> /dev/null
for package in ./*.deb; do dpkg -x "$package" unpacked; done
cat > servers.py << 'PYTHON'
"""nginx's authentication service, which sends everybody but "stranger" on, and the IMAP and SMTP server behind."""
import http.server
import socket
import socketserver
import threading

class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        if self.headers["Auth-User"] == "stranger":
            self.send_header("Auth-Status", "Invalid credentials")
        else:
            self.send_header("Auth-Status", "OK")
            self.send_header("Auth-Server", "127.0.0.1")
            port = nobody if self.headers["Auth-User"] == "down" else imap.server_address[1]
            self.send_header("Auth-Port", str(port))
        self.end_headers()

    def log_message(self, *_):
        pass

class Imap(socketserver.StreamRequestHandler):
    """Refuses every password."""

    def handle(self):
        self.wfile.write(b"* OK ready\r\n")
        tag = self.rfile.readline().split()[0]
        for _ in ("name", "password"):  # as literals
            self.wfile.write(b"+ go on\r\n")
            self.rfile.readline()
        answer = tag + b" NO [AUTHENTICATIONFAILED] Invalid credentials"
        print("the server behind:", answer.decode(), flush=True)
        self.wfile.write(answer + b"\r\n")
        self.rfile.readline()

def free():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]

nobody, listening = free(), free()
service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
imap = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Imap)
threading.Thread(target=service.serve_forever, daemon=True).start()
with open("ports", "w") as ports:
    ports.write(f"{service.server_address[1]} {listening}\n")
imap.serve_forever()
PYTHON
python3 servers.py > behind &
servers=$!
until [ -s ports ]; do sleep 0.1; done
read -r service listening < ports
cat > nginx.conf << CONF
load_module $tmp/unpacked/usr/lib/nginx/modules/ngx_mail_module.so;
daemon off;
master_process off;
pid $tmp/pid;
error_log $tmp/log info;
events {}
mail {
    auth_http 127.0.0.1:$service/auth;
    server { listen 127.0.0.1:$listening; protocol imap; }
}
CONF
unpacked/usr/sbin/nginx -p "$tmp" -c "$tmp/nginx.conf" 2> /dev/null &
proxy=$!
python3 - "$listening" << 'PYTHON' | tee said
import socket, sys, time

for _ in range(100):
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 3).close()
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
for user in ("stranger", "alice", "down"):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20) as server:
        lines = server.makefile("rwb")
        lines.readline()
        lines.write(b"a LOGIN %s password\r\n" % user.encode())
        lines.flush()
        print(f"{user}: {lines.readline().decode().strip()}", end="")
        print(", hung up" if user != "stranger" and not lines.read(1) else "")
PYTHON
cat behind
diff - said << 'SAID'
stranger: a NO Invalid credentials
alice: * BAD internal server error, hung up
down: * BAD internal server error, hung up
SAID
grep -q '^the server behind: .* NO \[AUTHENTICATIONFAILED\]' behind
