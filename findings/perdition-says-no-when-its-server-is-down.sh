#!/usr/bin/env bash
# Expected:  a proxy in front of a mail server that is down says so with [UNAVAILABLE] (RFC 5530) or BYE; a NO to
#            LOGIN means that the password is wrong.
# Really:    perdition answers the right password with a plain "NO failed: Could not connect to server", after 3
#            seconds: no response code, nothing but English words tell it from a wrong password.
# Version:   perdition 2.2 (Debian 12)
# Source:    run
# Date:      2026-11-28
# Needs:     Debian 12, python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -n "${proxy:-}" ] && kill "$proxy" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp"
mkdir -p archives/partial unpacked
apt-get -qq -o Dir::Cache::archives="$tmp/archives" install --reinstall --download-only --no-install-recommends -y \
    perdition > /dev/null 2>&1
for package in archives/*.deb; do dpkg -x "$package" unpacked; done
ports=$(python3 -c '
import socket
held = [socket.socket() for _ in range(2)]
for one in held: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))')
read -r listening nobody_there <<< "$ports"
export LD_LIBRARY_PATH="$tmp/unpacked/usr/lib:$tmp/unpacked/usr/lib/x86_64-linux-gnu"
user=$(id -un)
"$(find unpacked -name perdition.imap4 | head -n 1)" --no_daemon -f /dev/null -b 127.0.0.1 -l "$listening" \
    -s 127.0.0.1 -p "$nobody_there" -u "$user" -g "$(id -gn)" --pid_file "$tmp/pid" -F "$tmp/log" > out 2>&1 &
proxy=$!
unset LD_LIBRARY_PATH
python3 - "$listening" << 'PYTHON'
import socket, sys, time

for _ in range(50):
    try:
        server = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 3)
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
server.settimeout(20)
lines = server.makefile("rwb")
print(lines.readline().decode().strip())
lines.write(b"a LOGIN alice the-right-password\r\n")
lines.flush()
answer = lines.readline().decode().strip()
print(answer)
assert answer == "a NO failed: Could not connect to server", "it says something else now"
PYTHON
