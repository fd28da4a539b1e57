#!/usr/bin/env bash
# Expected:  a request of an asyncio client ends with the task that waits for it: asyncio.timeout, or a cancelled task,
#            closes the connection, as aiohttp does.
# Really:    pyreqwest frees the task at once and lets the request run to its end, or to its own time limit, in Rust's
#            background. A token refresh that was given up on is carried out all the same, and the rotated secret that
#            the provider sends is thrown away unread. Closing the client ends it.
# Version:   pyreqwest 0.15.1, aiohttp 3.14.4 (PyPI)
# Source:    run
# Date:      2026-11-28
# Needs:     python3
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install pyreqwest==0.15.1 aiohttp==3.14.4 2> /dev/null
python/bin/python - << 'PYTHON' | tee said
import asyncio
import time
from datetime import timedelta

import aiohttp
from pyreqwest.client import ClientBuilder

CANCELLED_AFTER, OWN_LIMIT = 0.5, 3

async def by_aiohttp(url):
    limit = aiohttp.ClientTimeout(total=OWN_LIMIT)
    async with aiohttp.ClientSession(timeout=limit) as session, session.post(url, data={"a": "b"}) as answer:
        await answer.read()

async def by_pyreqwest(url, client):
    await client.post(url).form({"a": "b"}).build().send()

async def main():
    gone = asyncio.Event()

    async def slow(reader, writer):
        """Reads the request and whatever follows, and never answers."""
        while await reader.read(4096):
            pass
        gone.set()
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
    async with ClientBuilder().timeout(timedelta(seconds=OWN_LIMIT)).build() as client:
        for name, ask in (("aiohttp", lambda: by_aiohttp(url)), ("pyreqwest", lambda: by_pyreqwest(url, client))):
            gone.clear()
            try:
                async with asyncio.timeout(CANCELLED_AFTER):
                    await ask()
            except TimeoutError:
                freed = time.monotonic()
            await asyncio.wait_for(gone.wait(), 20)
            open_for = time.monotonic() - freed
            print(f"{name}: the server sees the end {'at once' if open_for < 0.5 else 'at the request’s own limit' if open_for > 1.5 else open_for}")
    server.close()

asyncio.run(main())
PYTHON
diff - said << 'SAID'
aiohttp: the server sees the end at once
pyreqwest: the server sees the end at the request’s own limit
SAID
