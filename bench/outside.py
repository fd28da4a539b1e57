"""The world outside, as little of it as the product needs: Google's tokens and labels, Slack's people, Homes.

Runs in a process of its own (``python -m bench.outside``), so that what it costs is not the product's.
It knows every token and refuses nothing. ``--tls FILE`` has it speak TLS as ``localhost``; the authority to
trust is written to ``FILE``.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from bench.children import announce, listener
from bench.databases import OWNER, WORKSPACE
from sandbox.imap.certificates import Authority

_TOKEN: Final = (
    b'{"access_token": "ya29.an-access-token-of-about-the-usual-length-0123456789abcdefghijklmnopqrstuvwxyz",'
    b' "expires_in": 3599, "scope": "openid https://www.googleapis.com/auth/gmail.labels",'
    b' "token_type": "Bearer"}'
)
_LABELS: Final = b'{"labels": [{"id": "INBOX"}, {"id": "SENT"}, {"id": "SPAM"}, {"id": "TRASH"}]}'


async def token(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=_TOKEN, content_type="application/json")


async def labels(_: web.Request) -> web.Response:
    return web.Response(body=_LABELS, content_type="application/json")


async def auth_test(_: web.Request) -> web.Response:
    ours = {"team_id": WORKSPACE, "team": "Bench", "user_id": "U0BOT", "bot_id": "B0BOT"}
    return web.json_response({"ok": True, **ours})


async def users_list(_: web.Request) -> web.Response:
    """Only the owner, as ``bench.databases`` writes them."""
    profile = {"email": "owner@acme.example", "real_name": "Owner"}
    owner = {"id": OWNER, "team_id": WORKSPACE, "name": "owner", "profile": profile, "is_owner": True}
    return web.json_response({"ok": True, "members": [{**owner, "is_admin": True, "locale": "en-US"}]})


def _context(trusted: Path) -> ssl.SSLContext:
    authority = Authority("Bench")
    trusted.write_bytes(authority.pem)
    return authority.sign("localhost").context()


class Homes:
    """The Home that was published last, and how many were before."""

    def __init__(self) -> None:
        self._number = 0
        self._view: dict[str, Any] = {}
        self._changed = asyncio.Condition()

    async def publish(self, request: web.Request) -> web.Response:
        stamp = (await request.json())["view"].get("private_metadata", "")
        async with self._changed:
            self._number += 1
            self._view = {"id": "V0HOME", "hash": f"{self._number}.hash", "private_metadata": stamp}
            self._changed.notify_all()
        return web.json_response({"ok": True, "view": self._view})

    async def last(self, request: web.Request) -> web.Response:
        """As soon as there are ``more_than`` so many."""
        wanted = int(request.query["more_than"])
        async with self._changed:
            await self._changed.wait_for(lambda: self._number > wanted)
        return web.json_response({"number": self._number, "view": self._view})


async def serve(context: ssl.SSLContext | None) -> None:
    app, homes = web.Application(), Homes()
    app.router.add_post("/token", token)
    app.router.add_get("/gmail/v1/users/me/labels", labels)
    app.router.add_post("/api/auth.test", auth_test)
    app.router.add_post("/api/users.list", users_list)
    app.router.add_post("/api/views.publish", homes.publish)
    app.router.add_get("/home", homes.last)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    socket = listener()
    await web.SockSite(runner, socket, ssl_context=context).start()
    announce(socket)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", type=Path)
    given = parser.parse_args()
    asyncio.run(serve(_context(given.tls) if given.tls else None))
