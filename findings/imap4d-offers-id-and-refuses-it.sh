#!/usr/bin/env bash
# Expected:  what CAPABILITY lists can be sent now. RFC 2971 §3.1: ID is valid in any state; servers ought to accept
#            it before the login, too.
# Really:    GNU Mailutils' imap4d lists ID before the login and answers "BAD ID Wrong state" there. A client that
#            introduces itself first, as some hosts demand it, must shrug that off.
# Version:   mailutils-imap4d 1:3.15-4 (Debian 12)
# Source:    run; RFC 2971
# Date:      2026-11-28
# Needs:     Debian 12
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
mkdir -p archives/partial unpacked
# What it needs as well as the server itself; packages that are installed already are not fetched again.
apt-get -qq -o Dir::Cache::archives="$tmp/archives" install --download-only --no-install-recommends -y \
    mailutils-imap4d=1:3.15-4 > /dev/null 2>&1
apt-get -qq download mailutils-imap4d=1:3.15-4 libmailutils9=1:3.15-4 2> /dev/null
for package in archives/*.deb ./*.deb; do [ -e "$package" ] && dpkg -x "$package" unpacked; done
export LD_LIBRARY_PATH="$tmp/unpacked/usr/lib/x86_64-linux-gnu:$tmp/unpacked/usr/lib/aarch64-linux-gnu"
printf 'a CAPABILITY\r\nb ID ("name" "example")\r\nc LOGOUT\r\n' |
    timeout 20 "$tmp/unpacked/usr/sbin/imap4d" --inetd --no-config | tee said
grep -q '^\* CAPABILITY .*\bID\b' said
grep -q '^b BAD ID Wrong state' said
