#!/usr/bin/env bash
# Expected:  a token that is refused is a refusal: the login answers NO, as it does for a password.
# Really:    a server refuses an XOAUTH2 token by a challenge first, "+ " and the reason, and says NO when the client
#            has answered it with an empty line (Google's and Microsoft's form of it, and RFC 7628 §3.2.3). aioimaplib
#            sends no such line: the server waits, the client waits, and after its time limit raises the TimeoutError
#            of a host that is away. A revoked grant looks like an outage, and the server is never told to say NO.
# Version:   aioimaplib 2.0.3, with IMAPClient 4.1.0 for what others do (PyPI)
# Source:    run; developers.google.com/workspace/gmail/imap/xoauth2-protocol ("Error response"); RFC 7628
# Date:      2026-11-28
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install aioimaplib==2.0.3 IMAPClient==4.1.0 2> /dev/null
python/bin/python - << 'PYTHON' | tee said
import asyncio
import base64
import logging
import socketserver
import threading

import aioimaplib
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

logging.disable()
REASON = base64.b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}')

class Refuses(socketserver.StreamRequestHandler):
    """A server that takes no token, and says it as Google does."""

    def handle(self):
        self.say(b"* OK ready")
        for line in self.rfile:
            tag, verb, *rest = line.split()
            if verb.upper() == b"CAPABILITY":
                self.say(b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2", tag + b" OK done")
            elif verb.upper() == b"AUTHENTICATE":
                if len(rest) == 1:
                    self.say(b"+ ")
                    self.rfile.readline()
                self.say(b"+ " + REASON)
                answered = self.rfile.readline()
                print("  the challenge is", "answered" if answered else "not answered: the client hung up", flush=True)
                self.say(tag + b" NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)")
                handled.set()
                break
            else:
                self.say(tag + b" OK done")

    def say(self, *lines):
        try:
            self.wfile.write(b"".join(line + b"\r\n" for line in lines))
        except OSError:
            """Nobody is there any more."""

async def by_aioimaplib():
    client = aioimaplib.IMAP4("127.0.0.1", port, timeout=3)
    await client.wait_hello_from_server()
    try:
        answer = await client.xoauth2("alice@example.com", "a-revoked-token")
        return f"{answer.result} {answer.lines}"
    except Exception as error:
        return f"{type(error).__name__} {error}"
    finally:
        client.protocol.transport.close()

async def by_imapclient():
    def login():
        client = IMAPClient("127.0.0.1", port, ssl=False)
        try:
            client.oauth2_login("alice@example.com", "a-revoked-token")
        except LoginError as error:
            return f"{type(error).__name__} {error}"
        finally:
            client.shutdown()
    return await asyncio.to_thread(login)

handled = threading.Event()
server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuses)
server.daemon_threads = True
port = server.server_address[1]
threading.Thread(target=server.serve_forever, daemon=True).start()
for name, login in (("IMAPClient", by_imapclient), ("aioimaplib", by_aioimaplib)):
    print(f"{name}:", flush=True)
    handled.clear()
    said = asyncio.run(login())
    handled.wait(10)
    print(" ", said.strip(), flush=True)
PYTHON
diff - said << 'SAID'
IMAPClient:
  the challenge is answered
  LoginError [AUTHENTICATIONFAILED] Invalid credentials (Failure)
aioimaplib:
  the challenge is not answered: the client hung up
  TimeoutError
SAID
