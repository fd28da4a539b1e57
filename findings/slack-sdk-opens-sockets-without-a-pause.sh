#!/usr/bin/env bash
# Expected:  when Slack says {"type": "disconnect", "reason": "link_disabled"} (Socket Mode was switched off in the
#            app's settings), the SDK stops, or at least waits longer each time; apps.connections.open is rated.
# Really:    slack_sdk's Socket Mode client asks for a new socket at once, gets the same word, and asks again: hundreds
#            of apps.connections.open a second, for as long as the switch is off. Nothing is raised to the caller.
# Version:   slack_sdk 3.47.0 (PyPI), aiohttp 3.14.5
# Source:    run; slack_sdk/socket_mode/async_client.py
# Date:      2026-11-28
# Needs:     python3 (3.11 or later)
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check slack_sdk==3.47.0 aiohttp==3.14.5
"$tmp/venv/bin/python" - << 'PYTHON'
import asyncio, logging

from aiohttp import web
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

opened = 0

async def main():
    async def open_(request):
        global opened
        opened += 1
        return web.json_response({"ok": True, "url": f"ws://127.0.0.1:{port}/socket"})

    async def socket(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        await ws.send_json({"type": "disconnect", "reason": "link_disabled", "debug_info": {"host": "example"}})
        await ws.close()
        return ws

    app = web.Application()
    app.router.add_post("/api/apps.connections.open", open_)
    app.router.add_get("/socket", socket)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    client = SocketModeClient(app_token="xapp-example",
                              web_client=AsyncWebClient(base_url=f"http://127.0.0.1:{port}/api/"))
    logging.disable(logging.CRITICAL)
    await client.connect()
    await asyncio.sleep(5)
    print(f"apps.connections.open in 5 s: {'more than 100' if opened > 100 else opened}")
    print(f"connected: {await client.is_connected()}")
    await client.close()
    await runner.cleanup()
    assert opened > 100, "the SDK pauses now"

asyncio.run(main())
PYTHON
