#!/usr/bin/env bash
# Expected:  a login that the smarthost refuses speaks of the account, not of the message: the mail stays in the queue
#            until the password is mended, and goes out then. Postfix does so ("smtp_sasl_auth_soft_bounce = yes").
# Really:    after 535 Exim goes on without a login. The smarthost answers 530, "authentication required", to MAIL, that
#            is a permanent refusal of the message, and within the second it is back at its sender as undeliverable;
#            the one after it as well, and all that a queue runner finds. Nor does the bounce name the cause, which is
#            in the log alone: it says 530, as if no login were configured. 454 is deferred, as one would expect.
#            "hosts_try_auth" means to try; Debian's transport for a smarthost is written with it. "hosts_require_auth"
#            keeps the mail.
# Version:   exim4-daemon-light 4.96-15 (Debian 12; seen with +deb12u11)
# Source:    run; exim.org/exim-html-current/doc/html/spec_html/ch-the_smtp_transport.html ("hosts_try_auth"); Debian's
#            exim4-config, transport/30_exim4-config_remote_smtp_smarthost; postconf(5)
# Date:      2026-11-29
# Needs:     Debian 12, root (Exim drops its rights), python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$tmp"' EXIT
cd "$tmp" && chmod 755 .
mkdir -p archives/partial unpacked
version=$(apt-cache madison exim4-daemon-light | awk '$3 ~ /^4\.96-15/ {print $3; exit}')
# What it needs as well as the server itself; packages that are installed already are not fetched again.
apt-get -qq -o Dir::Cache::archives="$tmp/archives" install --reinstall --download-only --no-install-recommends -y \
    "exim4-daemon-light=$version" > /dev/null 2>&1
for package in archives/*.deb; do dpkg -x "$package" unpacked; done
chmod u-s unpacked/usr/sbin/exim4
cat > server.py << 'PYTHON'
"""A smarthost that answers each login with what the file "answer" says, and takes mail after a login alone."""
import socketserver

class Smtp(socketserver.StreamRequestHandler):
    def handle(self):
        welcome = False
        self.say("220 smarthost.example.com ESMTP")
        for line in self.rfile:
            verb = line.decode().split()[0].upper()
            if verb == "AUTH":
                answer = open("answer").read().strip()
                welcome = answer.startswith("235")
                self.say(answer)
            elif verb == "MAIL" and not welcome:
                self.say("530 5.7.0 Authentication required")
            else:
                self.say({"EHLO": "250-smarthost.example.com\r\n250 AUTH PLAIN", "DATA": "354 go on",
                          "QUIT": "221 bye"}.get(verb, "250 done"))
            if verb == "DATA":
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.say("250 taken")

    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())

with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as server:
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
PYTHON
python3 server.py > port &
server=$!
until [ -s port ]; do sleep 0.1; done
configured() { # with which option
  cat << CONF
spool_directory = $tmp/spool
log_file_path = $tmp/spool/%slog
exim_user = nobody
exim_group = nogroup
primary_hostname = mail.example.com
keep_environment =
disable_ipv6
begin routers
bounces:
  driver = redirect
  senders = :
  data = $tmp/spool/bounces
  file_transport = file
smarthost:
  driver = manualroute
  domains = *
  transport = smarthost
  route_list = * 127.0.0.1
  self = send
begin transports
smarthost:
  driver = smtp
  port = $(cat port)
  $1 = *
  hosts_avoid_tls = *
file:
  driver = appendfile
  user = nobody
begin retry
* * F,4d,15m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^alice^the-password
CONF
}
send() { # with which option, answered how
  rm -rf spool && mkdir spool && chown nobody spool
  configured "$1" > exim.conf
  echo "$2" > answer
  printf 'From: alice@example.com\nTo: bob@example.org\nSubject: hello\n\nhello\n' \
      | unpacked/usr/sbin/exim4 -C "$tmp/exim.conf" -odi -f alice@example.com bob@example.org > log 2>&1
  echo "$1, $2: $(cat log spool/mainlog \
      | sed -n 's/.* => bob.*/sent/p; s/.* == bob.*/stays in the queue/p; s/.* \*\* bob.*/is bounced/p' | sort -u)"
  if [ -e spool/bounces ]; then
    grep -o '5[0-9][0-9] [0-9.]* [A-Za-z ]*' spool/bounces | sort -u | sed 's/^/  the bounce says: /'
  fi
}
{
  send hosts_try_auth "235 2.7.0 welcome"
  send hosts_try_auth "454 4.7.0 Temporary authentication failure"
  send hosts_try_auth "535 5.7.8 Authentication credentials invalid"
  send hosts_require_auth "535 5.7.8 Authentication credentials invalid"
} | tee said
diff - said << 'SAID'
hosts_try_auth, 235 2.7.0 welcome: sent
hosts_try_auth, 454 4.7.0 Temporary authentication failure: stays in the queue
hosts_try_auth, 535 5.7.8 Authentication credentials invalid: is bounced
  the bounce says: 530 5.7.0 Authentication required
hosts_require_auth, 535 5.7.8 Authentication credentials invalid: stays in the queue
SAID
