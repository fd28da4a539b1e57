"""The floor under a token for a program: a bare handler with the same key, row, seal, refresh and count.

Runs in a process of its own (``python -m bench.token_floor DATABASE TOKEN_URL``). It looks the key up,
compares its digest, opens what is kept or refreshes and keeps it, and counts: no leases, no states, no rules.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import sys
from datetime import UTC, datetime, timedelta

import aiohttp
from aiohttp import web

from bench.children import announce, listener
from bench.databases import WORKSPACE
from bot.domain.api_key import id_in
from bot.domain.grant import Secret
from bot.domain.ids import ApiKeyId, WorkspaceId
from bot.services.connections.api_keys import AT_ONCE
from storage import Cipher, Storage
from storage.api_keys import GIVEN, Asked


async def serve(url: str, token_url: str) -> None:
    storage = await Storage.open(url, cipher=Cipher([os.environ["BENCH_KEY"]]))
    async with aiohttp.ClientSession() as session:
        handler = _Handler(storage, session, token_url)
        app = web.Application()
        app.router.add_post("/api/v1/channels/{address}/token", handler.token)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        socket = listener()
        await web.SockSite(runner, socket).start()
        announce(socket)
        await asyncio.Event().wait()


class _Handler:
    def __init__(self, storage: Storage, session: aiohttp.ClientSession, token_url: str) -> None:
        self._storage, self._session, self._token_url = storage, session, token_url
        self._room = asyncio.Semaphore(AT_ONCE)

    async def token(self, request: web.Request) -> web.Response:
        presented = Secret(request.headers["Authorization"].partition(" ")[2])
        json.loads(await request.read())
        now = datetime.now(UTC)
        async with self._room, self._storage.reading() as uow:
            key = await uow.api_keys.find(id_in(presented.reveal()) or ApiKeyId(""))
            channel = await uow.channels.at_address(WorkspaceId(WORKSPACE), request.match_info["address"])
            assert key is not None
            assert channel is not None
            assert channel.grant_id
            kept = await uow.access_tokens.find(channel.grant_id, "")
            grant = await uow.grants.find(channel.grant_id) if kept is None else None
        if not hmac.compare_digest(presented.digest, key.digest):
            raise web.HTTPUnauthorized
        token = kept.token if kept is not None else None
        if grant is not None and grant.secret is not None:
            form = {"grant_type": "refresh_token", "refresh_token": grant.secret.reveal()}
            async with self._session.post(self._token_url, data=form) as answer:
                told = await answer.json()
            token = Secret(told["access_token"])
        assert token is not None
        async with self._room, self._storage.writing() as uow:
            if kept is None:
                until = now + timedelta(hours=1)
                await uow.access_tokens.put(channel.grant_id, "", token, obtained_at=now, expires_at=until)
            asked = Asked(key.id, channel.id, "imap", GIVEN)
            await uow.token_uses.count({(asked, request.remote or ""): 1}, at=now)
            await uow.commit()
        return web.json_response({"access_token": token.reveal(), "token_type": "Bearer"})


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
