"""Sends signed slash commands as fast as they are answered.

One rule: it must cost next to nothing beside the server it drives, so it speaks HTTP by hand: requests
are made beforehand, and of an answer only its status and length are read.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlencode

from bench.children import SIGNING_SECRET
from bench.databases import OWNER, WORKSPACE
from bench.figures import Latency

_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_WARM_UP: Final = 30


class Unexpected(Exception):
    """The server did not answer 200."""


def signed(body: bytes) -> dict[str, str]:
    """The headers by which Slack shows that it sent ``body``, for the next five minutes."""
    now = str(int(time.time()))
    base = b"v0:" + now.encode() + b":" + body
    signature = hmac.new(SIGNING_SECRET.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={signature}"}


def event(what: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """An event of Slack's: body and headers."""
    envelope = {"type": "event_callback", "team_id": WORKSPACE, "api_app_id": "A0BENCH", "event": what}
    body = json.dumps({**envelope, "event_id": f"Ev{secrets.token_hex(6)}"}).encode()
    return body, {**signed(body), "Content-Type": "application/json"}


def form_of(port: int, text: str, *, user: str = OWNER) -> bytes:
    """The body of a command."""
    form = {
        "command": "/inbox",
        "text": text,
        "team_id": WORKSPACE,
        "user_id": user,
        "channel_id": "C0GENERAL",
        "api_app_id": "A0BENCH",
        "response_url": f"http://127.0.0.1:{port}/nowhere",
        "trigger_id": "1234567890.1234567890.0123456789abcdef",
    }
    return urlencode(form).encode()


def command(port: int, text: str) -> bytes:
    """One request of Slack's, signed for the next five minutes."""
    body = form_of(port, text)
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items())
    head = (
        f"POST /slack/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        f"{headers}\r\n"
    )
    return head.encode() + body


async def hammer(port: int, text: str, *, at_once: int, seconds: float) -> Latency:
    """How long answers take with ``at_once`` people asking all the time."""
    request = command(port, text)
    await _asker(port, request, until=0.0, least=_WARM_UP)
    began = perf_counter()
    askers = [_asker(port, request, until=began + seconds, least=3) for _ in range(at_once)]
    taken = await asyncio.gather(*askers)
    return Latency.of([one for some in taken for one in some], within=perf_counter() - began)


async def hammer_each(port: int, requests: Sequence[bytes], *, at_once: int, seconds: float) -> Latency:
    """The same with requests that differ: each asker begins elsewhere among them and goes on from there.
    With ``seconds`` 0 each is sent once."""
    began = perf_counter()
    step = max(1, len(requests) // at_once)
    shares = [[*requests[start:], *requests[:start]] for start in range(0, step * at_once, step)]
    if not seconds:
        shares = [share[:step] for share in shares]
    taken = await asyncio.gather(
        *(_asks_each(port, share, began + seconds, is_timed=bool(seconds)) for share in shares)
    )
    return Latency.of([one for some in taken for one in some], within=perf_counter() - began)


async def _asks_each(port: int, requests: Sequence[bytes], until: float, *, is_timed: bool) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken: list[float] = []
    try:
        while not taken or (is_timed and perf_counter() < until):
            for request in requests:
                began = perf_counter()
                writer.write(request)
                await _answer(reader)
                taken.append(perf_counter() - began)
                if is_timed and began > until and len(taken) >= 3:
                    break
    finally:
        writer.close()
    return taken


async def _asker(port: int, request: bytes, *, until: float, least: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken: list[float] = []
    try:
        while len(taken) < least or perf_counter() < until:
            began = perf_counter()
            writer.write(request)
            await _answer(reader)
            taken.append(perf_counter() - began)
    finally:
        writer.close()
    return taken


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise Unexpected(head.partition(b"\r\n")[0].decode())
    length = _LENGTH.search(head)
    await reader.readexactly(int(length[1]) if length else 0)
