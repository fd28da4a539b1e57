"""How every control API reads a request. Rule: what makes no sense is a 400 that says what was wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from sandbox.answers import ConsentRefused


@contextmanager
def as_bad_request() -> Iterator[None]:
    """Turn a wrong lever into a 400."""
    try:
        yield
    except ConsentRefused as refused:
        raise bad_request(refused.code, detail=refused.detail) from refused
    except ValueError as wrong:
        raise bad_request(str(wrong)) from wrong


def bad_request(error: str, **more: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": error, **more}), content_type="application/json")


async def body_of(request: web.Request, *known: str) -> Mapping[str, Any]:
    """The JSON object that was sent; ``known``: the only fields it may have, when given."""
    try:
        body = await request.json()
    except ValueError:
        raise bad_request("send JSON") from None
    if not isinstance(body, dict):
        raise bad_request("send a JSON object")
    if known and (stray := set(body) - set(known)):
        raise bad_request(f"unknown fields: {', '.join(sorted(stray))}")
    return body


def text(body: Mapping[str, Any], name: str) -> str:
    """A field that has to be there."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise bad_request(f"{name} is missing")
    return value


def whom(body: Mapping[str, Any]) -> str | None:
    """One account, or everybody when asked so or when nobody is named."""
    return None if body.get("all") or "account" not in body else text(body, "account")
