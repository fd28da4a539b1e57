#!/usr/bin/env bash
# Expected:  git keeps a mailbox's password (or asks a helper that keeps a token), and has it erased when the host says
#            that it is wrong: 535 by SMTP, [AUTHENTICATIONFAILED] by IMAP. An outage proves nothing about a password: a
#            host that is away erases nothing, and so it is with 454, "temporary authentication failure" (RFC 4954
#            §4), and with [UNAVAILABLE] (RFC 5530).
# Really:    a host that is away erases nothing, but one that is up and can't look the password up does: after 454, and
#            after NO [UNAVAILABLE], git tells every helper to erase what it gave. The next patch, sent by a timer or
#            a CI job once the host is well, waits for a person to type a password, or fails. "git imap-send" does it
#            with libcurl, which calls any NO to a login "login denied", and without it.
# Version:   git, git-email 1:2.39.5 (Debian 12; seen with -0+deb12u3)
# Source:    run; git-send-email.perl, smtp_auth_maybe ("TODO: Authentication may fail not because credentials were
#            invalid"); imap-send.c, credential_reject
# Date:      2026-11-29
# Needs:     Debian 12, python3, perl
set -euo pipefail
tmp=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$tmp"' EXIT
cd "$tmp"
mkdir -p archives/partial unpacked
version=$(apt-cache madison git-email | awk '$3 ~ /^1:2\.39\.5/ {print $3; exit}')
apt-get -qq -o Dir::Cache::archives="$tmp/archives" install --reinstall --download-only --no-install-recommends -y \
    "git=$version" "git-email=$version" libauthen-sasl-perl libmailtools-perl libtimedate-perl > /dev/null 2>&1
for package in archives/*.deb; do dpkg -x "$package" unpacked; done
cat > server.py << 'PYTHON'
"""A mail host, IMAP and SMTP: each login is answered with what the files "imap" and "smtp" say."""
import pathlib
import socketserver
import threading

def said(how):
    return pathlib.Path(how).read_text().strip()

class Session(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())

class Imap(Session):
    def handle(self):
        self.say("* OK [CAPABILITY IMAP4rev1] ready")
        for line in self.rfile:
            tag, verb, *rest = line.decode().split()
            if verb == "APPEND":
                self.say("+ go on")
                self.rfile.read(int(rest[-1].strip("{}")) + 2)
            self.say(f"{tag} {said('imap') if verb == 'LOGIN' else 'OK done'}")

class Smtp(Session):
    def handle(self):
        self.say("220 mail.example.com ESMTP")
        for line in self.rfile:
            verb = line.decode().split()[0].upper()
            self.say({"EHLO": "250-mail.example.com\r\n250 AUTH PLAIN", "AUTH": said("smtp"), "DATA": "354 go on",
                      "QUIT": "221 bye"}.get(verb, "250 done"))
            if verb == "QUIT":
                return
            if verb == "DATA":
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.say("250 taken")

socketserver.ThreadingTCPServer.daemon_threads = True
with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Imap) as imap, \
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as smtp:
    threading.Thread(target=smtp.serve_forever, daemon=True).start()
    print(imap.server_address[1], smtp.server_address[1], flush=True)
    imap.serve_forever()
PYTHON
python3 server.py > ports &
server=$!
until [ -s ports ]; do sleep 0.1; done
read -r imap smtp < ports
cat > helper << HELPER
#!/bin/sh
cat > /dev/null
echo "\$1" >> "$tmp/told"
if [ "\$1" = get ]; then printf 'username=alice\npassword=secret\n'; fi
HELPER
chmod +x helper
cat > config << CONF
[credential]
  helper = $tmp/helper
[imap]
  host = imap://127.0.0.1
  port = $imap
  folder = Drafts
[sendemail]
  smtpserver = 127.0.0.1
  smtpserverport = $smtp
  smtpuser = alice
  from = alice@example.com
  to = bob@example.com
  confirm = never
CONF
printf 'From: alice@example.com\nDate: Sun, 29 Nov 2026 00:00:00 +0000\nSubject: a patch\n\nhello\n' > patch
(echo 'From nobody Mon Sep 17 00:00:00 2001'; cat patch) > mbox
export GIT_CONFIG_GLOBAL="$tmp/config" GIT_CONFIG_NOSYSTEM=1 HOME="$tmp" \
    GIT_EXEC_PATH="$tmp/unpacked/usr/lib/git-core" PERL5LIB="$tmp/unpacked/usr/share/perl5"
send() { # what it reads, by which command
  : > told
  "$tmp/unpacked/usr/bin/git" "${@:2}" < "$1" > out 2>&1 || true
  echo "  ${*:2}: $(tr '\n' ' ' < told)" | sed "s| $tmp/patch||; s/ *$//"
}
all() { # in which case
  echo "$1"
  send mbox imap-send --curl
  send mbox imap-send --no-curl
  send /dev/null send-email "$tmp/patch"
}
{
  echo "OK welcome" > imap; echo "235 welcome" > smtp; all "the login succeeds:"
  echo "NO [AUTHENTICATIONFAILED] wrong" > imap; echo "535 5.7.8 wrong" > smtp; all "the password is wrong:"
  echo "NO [UNAVAILABLE] later" > imap; echo "454 4.7.0 later" > smtp; all "the host can't tell now:"
  kill "$server"
  wait "$server" 2> /dev/null || true
  all "the host is away:"
} | tee said
diff - said << 'SAID'
the login succeeds:
  imap-send --curl: get store
  imap-send --no-curl: get store
  send-email: get store
the password is wrong:
  imap-send --curl: get erase
  imap-send --no-curl: get erase
  send-email: get erase
the host can't tell now:
  imap-send --curl: get erase
  imap-send --no-curl: get erase
  send-email: get erase
the host is away:
  imap-send --curl: get
  imap-send --no-curl: get
  send-email:
SAID
