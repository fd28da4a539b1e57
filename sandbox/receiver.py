"""A local receiver of webhooks: what a program at the other end would see, and how it may behave.

Strict, as Standard Webhooks 1.0.0 wants receivers to be: what is not signed with its secret, not from now, or
not JSON, gets 400. It is told its secret by hand, as every receiver is.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final

from aiohttp import web

from sandbox.controls import as_bad_request, text

PATH: Final = "/receiver"
HOST: Final = "receiver.sandbox.example"
"""Under this name the local DNS knows it."""
_TOLERANCE: Final = timedelta(minutes=5)
_KEPT: Final = 200
_PREFIX: Final = "whsec_"

BEHAVIOURS: Final = ("takes", "500", "410", "429", "redirects", "hangs", "floods")
"""How it may answer: the number, or what it does."""


class NotSigned(Exception):
    """Not what our secret signs. Its text says why."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request that came in."""

    name: str
    body: Mapping[str, Any]
    at: datetime
    answered: int
    headers: Mapping[str, str]
    raw: bytes


@dataclass
class Receiver:
    """One receiver. ``clock`` is the sandbox's."""

    clock: Callable[[], datetime]
    secrets: list[str] = field(default_factory=list)
    """The first that fits counts: during a rotation there may be two."""
    behaviour: str = "takes"
    retry_after: str = ""
    """Sent along, whatever it answers."""
    received: list[Received] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """Why requests were not what they should be."""
    _free: asyncio.Event = field(default_factory=asyncio.Event)

    def behaves(self, how: str) -> None:
        """From now on. Raises ``ValueError``."""
        if how not in BEHAVIOURS:
            raise ValueError(f"unknown behaviour: {how}")
        self.behaviour = how
        self._free.set()
        self._free = asyncio.Event()

    def learns(self, secret: str) -> None:
        """The newest first; two at most. Raises ``ValueError``."""
        raw = _raw(secret)
        if not 24 <= len(raw) <= 64:
            raise ValueError("a secret has 24 to 64 bytes")
        self.secrets = [secret, *self.secrets][:2]

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get(PATH, self._page)
        app.router.add_post(PATH, self._arrived)
        app.router.add_post(f"/control{PATH}", self._controlled)
        app.router.add_post(f"{PATH}/behaves", self._clicked)

    # --- what comes in

    async def _arrived(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            if request.content_type != "application/json":
                raise NotSigned("not application/json")
            body = self._verified(request.headers, raw)
        except NotSigned as why:
            self.refused.append(str(why))
            return web.json_response({"error": str(why)}, status=400)
        answer = await self._answer(request)
        if self.retry_after:
            answer.headers["Retry-After"] = self.retry_after
        name = request.headers["webhook-id"]
        got = Received(name, body, self.clock(), answer.status, dict(request.headers), raw)
        self.received = [*self.received, got][-_KEPT:]
        return answer

    def _verified(self, headers: Mapping[str, str], raw: bytes) -> Mapping[str, Any]:
        name, stamp, signatures = (
            headers.get(f"webhook-{it}", "") for it in ("id", "timestamp", "signature")
        )
        if not (name and stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 and signatures):
            raise NotSigned("a header is missing")
        if abs(self.clock().timestamp() - int(stamp)) > _TOLERANCE.total_seconds():
            raise NotSigned("not from now")
        text_ = f"{name}.{stamp}.".encode() + raw
        given = {
            it.partition(",")[2].encode(errors="surrogateescape")
            for it in signatures.split(" ")
            if it.startswith("v1,")
        }
        ours = [base64.b64encode(hmac.new(_raw(it), text_, hashlib.sha256).digest()) for it in self.secrets]
        if not any(hmac.compare_digest(one, it) for one in ours for it in given):
            raise NotSigned("no signature fits")
        return _of_the_form(raw)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        match self.behaviour:
            case "redirects":
                return web.Response(status=302, headers={"Location": "/receiver/elsewhere"})
            case "429":
                return web.Response(status=429, headers={"Retry-After": "600"})
            case "hangs" if "good" in request.query:
                return web.Response(status=204)
            case "hangs":
                await self._free.wait()
                return web.Response(status=204)
            case "floods":
                return await _flood(request)
            case "takes":
                return web.Response(status=204)
            case status:
                return web.Response(status=int(status))

    # --- what people see and press

    async def _controlled(self, request: web.Request) -> web.Response:
        """``{"secret": …}`` or ``{"behaves": …}``."""
        with as_bad_request():
            body = await request.json()
            if "secret" in body:
                self.learns(text(body, "secret"))
            else:
                self.behaves(text(body, "behaves"))
        return web.json_response({"behaves": self.behaviour})

    async def _clicked(self, request: web.Request) -> web.Response:
        form = await request.post()
        with as_bad_request():
            if secret := str(form.get("secret", "")).strip():
                self.learns(secret)
            else:
                self.behaves(str(form.get("behaves", "")))
        raise web.HTTPSeeOther(PATH)

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=self._shown(), content_type="text/html")

    def _shown(self) -> str:
        choices = "".join(
            f'<button name="behaves" value="{it}"{" disabled" if it == self.behaviour else ""}>{it}</button> '
            for it in BEHAVIOURS
        )
        rows = "".join(
            f"<tr><td>{it.at:%H:%M:%S}</td><td>{escape(str(it.body['type']))}</td>"
            f"<td>{it.answered}</td><td><pre>{_indented(it.body)}</pre></td></tr>"
            for it in reversed(self.received)
        )
        knows = (
            "It knows its signing secret."
            if self.secrets
            else "It knows no signing secret yet: everything gets 400."
        )
        refused = (
            f"<p>Refused: {len(self.refused)}, the last because: {escape(self.refused[-1])}</p>"
            if self.refused
            else ""
        )
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Local receiver</title>'
            "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
            "td{vertical-align:top;padding:.3rem .8rem;border-top:1px solid #ddd}pre{margin:0}</style>"
            f"<h1>Local receiver</h1><p>{knows}</p>"
            f'<form method="post" action="{PATH}/behaves"><p>Signing secret: <input name="secret" size="60" '
            'autocomplete="off"> <button>Learn it</button></p></form>'
            f'<form method="post" action="{PATH}/behaves"><p>How it answers: {choices}</p></form>{refused}'
            "<h2>Events, verified, the latest first</h2>"
            f"<table><tr><th>At</th><th>Type</th><th>Answered</th><th>Body</th></tr>{rows}</table></html>"
        )


def _of_the_form(raw: bytes) -> Mapping[str, Any]:
    """An event as the specification has it. Raises ``NotSigned``."""
    wrong = NotSigned("not of the specification's form")
    try:
        body = json.loads(raw)
        if len(raw) >= 20_000 or not isinstance(body, dict) or set(body) != {"type", "timestamp", "data"}:
            raise wrong
        datetime.fromisoformat(body["timestamp"])
    except (ValueError, TypeError, RecursionError):
        raise wrong from None
    return body


def _indented(body: Mapping[str, Any]) -> str:
    return escape(json.dumps(body, indent=1, ensure_ascii=False))


async def _flood(request: web.Request) -> web.StreamResponse:
    """As much as whoever asked would read, up to a gigabyte."""
    answer = web.StreamResponse(status=200)
    await answer.prepare(request)
    piece = b"x" * 65_536
    for _ in range(16_384):
        try:
            await answer.write(piece)
        except (ConnectionError, OSError):
            break
    return answer


def _raw(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret is whsec_ and base64") from None
