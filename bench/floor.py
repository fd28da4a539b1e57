"""The floor under every answer to Slack: Bolt alone, over HTTP, with one listener that only acks.

Runs in a process of its own (``python -m bench.floor``). Without ``process_before_response`` Bolt looks for
the ack every 10 ms, which would be a low floor; the token check is answered here instead of by Slack.
"""

from __future__ import annotations

import asyncio

from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.async_app import AsyncAck
from slack_bolt.authorization import AuthorizeResult

from bench.children import SIGNING_SECRET, announce, listener
from bench.databases import WORKSPACE


async def authorize() -> AuthorizeResult:
    ours = {"team_id": WORKSPACE, "bot_id": "B0BOT", "bot_user_id": "U0BOT", "bot_token": "xoxb-bench"}
    return AuthorizeResult(enterprise_id=None, **ours)


async def acknowledge(ack: AsyncAck) -> None:
    await ack()


async def serve() -> None:
    app = AsyncApp(authorize=authorize, signing_secret=SIGNING_SECRET, process_before_response=True)
    app.command("/inbox")(acknowledge)
    runner = web.AppRunner(app.web_app(), access_log=None)
    await runner.setup()
    socket = listener()
    await web.SockSite(runner, socket).start()
    announce(socket)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
