#!/usr/bin/env bash
# Expected:  one imap_open() is one login; after the host's [AUTHENTICATIONFAILED] it returns false, and whoever asks
#            every five minutes spends one failed login in five minutes.
# Really:    PHP's imap_open (the University of Washington's c-client) sends the same refused password three times on
#            one connection, at once: with a host that locks an account after ten failures, the fourth call locks it.
#            $retries, "number of maximum connect attempts", is 0 unless given, and 0 stands for three; 1 is one.
# Version:   php8.2-imap 8.2 (Debian 12; seen with 8.2.36-1~deb12u1), libc-client2007e 8:2007f~dfsg-7+b2
# Source:    run; php.net/imap_open
# Date:      2026-11-28
# Needs:     Debian 12, python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -n "${server:-}" ] && kill "$server" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp"
mkdir -p archives/partial unpacked
# What it needs as well as the extension; packages that are installed already are not fetched again.
version=$(apt-cache madison php8.2-imap | awk '$3 ~ /^8\.2\./ {print $3; exit}')
apt-get -qq -o Dir::Cache::archives="$tmp/archives" install --reinstall --download-only --no-install-recommends -y \
    "php8.2-cli=$version" "php8.2-imap=$version" libc-client2007e=8:2007f~dfsg-7+b2 > /dev/null 2>&1
for package in archives/*.deb; do dpkg -x "$package" unpacked; done
cat > server.py << 'PYTHON'
"""An IMAP server that refuses every password as RFC 5530 has it, and counts."""
import socketserver

class Session(socketserver.StreamRequestHandler):
    def handle(self):
        logins = 0
        self.say(b"* OK ready")
        for line in self.rfile:
            tag, verb, *rest = line.split()
            if verb.upper() == b"CAPABILITY":
                self.say(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN", tag + b" OK done")
            elif verb.upper() == b"LOGOUT":
                self.say(b"* BYE", tag + b" OK done")
                break
            else:
                if verb.upper() == b"AUTHENTICATE":
                    self.say(b"+ ")
                    self.rfile.readline()
                logins += 1
                self.say(tag + b" NO [AUTHENTICATIONFAILED] Invalid credentials")
        print(logins, "failed logins", flush=True)

    def say(self, *lines):
        self.wfile.write(b"".join(line + b"\r\n" for line in lines))

with socketserver.TCPServer(("127.0.0.1", 0), Session) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
PYTHON
python3 server.py > heard &
server=$!
until [ -s heard ]; do sleep 0.1; done
opens() { # with what $retries
  LD_LIBRARY_PATH="$(echo unpacked/usr/lib/*-linux-gnu):unpacked/usr/lib" unpacked/usr/bin/php8.2 -n \
    -d extension="$tmp/$(find unpacked -name imap.so)" -d display_errors=0 -d error_log=/dev/null -r '
      [, $port, $retries] = $argv;
      var_export(imap_open("{127.0.0.1:$port/notls}INBOX", "alice", "the-old-one", 0, (int) $retries));
      imap_errors();' "$(head -n 1 heard)" "$1"
  echo ", \$retries = $1"
}
{
  opens 0
  opens 1
  opens 3
  sleep 0.5
  sed 1d heard
} | tee said
diff - said << 'SAID'
false, $retries = 0
false, $retries = 1
false, $retries = 3
3 failed logins
1 failed logins
3 failed logins
SAID
