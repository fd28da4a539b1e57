#!/usr/bin/env bash
# Expected:  a server that offers AUTH XOAUTH2 takes an access token of Microsoft's or Google's length as the command's
#            initial response: RFC 4954 §4 raises the limit for AUTH's lines to 12,288 octets.
# Really:    aiosmtpd answers "500 Command line too long" to any command of more than 512 octets, AUTH's too: a SASL
#            message of more than some 370 bytes is refused before the authenticator is asked. The same in two steps
#            (AUTH XOAUTH2, a challenge, then the message) is taken up to its limit for lines, 1,001. Tokens of 300
#            bytes, as tests like to use, work; Microsoft's, of 1,500 to 2,500, never do.
# Version:   aiosmtpd 1.4.6 (PyPI)
# Source:    run; aiosmtpd/smtp.py: command_size_limit, line_length_limit; RFC 4954 §4
# Date:      2026-11-28
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install aiosmtpd==1.4.6 2> /dev/null
python/bin/python - << 'PYTHON' | tee said
import asyncio
import base64
import smtplib

from aiosmtpd.smtp import SMTP, AuthResult

class Anybody:
    """Takes every login."""

    async def auth_XOAUTH2(self, server, args):
        if len(args) == 1:
            await server.challenge_auth("", encode_to_b64=False)
        return AuthResult(success=True)

def sasl(length):
    token = "t" * (length - len("user=a@example.com\x01auth=Bearer \x01\x01"))
    return base64.b64encode(f"user=a@example.com\x01auth=Bearer {token}\x01\x01".encode()).decode()

def told(port, length, steps):
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        if steps == 1:
            return client.docmd("AUTH", f"XOAUTH2 {sasl(length)}")
        client.docmd("AUTH", "XOAUTH2")
        return client.docmd(sasl(length))

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Anybody(), auth_require_tls=False, loop=loop), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for steps, length in ((1, 300), (1, 700), (1, 1700), (2, 700)):
        code, words = await asyncio.to_thread(told, port, length, steps)
        print(f"{length} bytes in {steps} step{'s' * (steps > 1)}: {code} {words.decode()}")
    server.close()

asyncio.run(main())
PYTHON
diff - said << 'SAID'
300 bytes in 1 step: 235 2.7.0 Authentication successful
700 bytes in 1 step: 500 Command line too long
1700 bytes in 1 step: 500 Command line too long
700 bytes in 2 steps: 235 2.7.0 Authentication successful
SAID
