"""What a request carries, read in one place: within a size, within a time, and only if it is well formed.

The one rule: whatever a stranger sends as a body ends in what was asked for or in a plain refusal, and is
never our fault. Nothing but plain forms in UTF-8 is understood: that is what our pages and providers send.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

FORM: Final = "application/x-www-form-urlencoded"
LONGEST_VALUE: Final = 4_096
FORM_WITHIN: Final = web.AppKey("form_within", float)
"""Seconds that an application gives a form to arrive."""

_FORM_SECONDS: Final = 10.0
_LARGEST_FORM: Final = 64 * 1024
_MOST_FIELDS: Final = 30
_LONGEST_NAME: Final = 64


async def read_body(request: web.Request, *, most: int, within: float) -> bytes:
    """The raw bytes, as they were sent.

    Raises ``HTTPRequestEntityTooLarge``, of which no more is read than that takes, ``HTTPRequestTimeout``
    and ``HTTPBadRequest``, the latter also for a client that hangs up: nobody is left to read it.
    """
    if (request.content_length or 0) > most:
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=request.content_length or 0)
    read = bytearray()
    try:
        async with asyncio.timeout(within):
            async for chunk in request.content.iter_any():
                read += chunk
                if len(read) > most:
                    raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=len(read))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
        raise web.HTTPBadRequest from None
    return bytes(read)


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a form, cut to what any of ours holds. A field that is there twice counts once.

    Raises as ``read_body``. What the request says of its own encoding is not asked: browsers write UTF-8.
    """
    if request.content_type != FORM or "Content-Encoding" in request.headers:
        raise web.HTTPBadRequest
    within = request.config_dict.get(FORM_WITHIN, _FORM_SECONDS)
    raw = await read_body(request, most=_LARGEST_FORM, within=within)
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise web.HTTPBadRequest from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise web.HTTPBadRequest
    return {name[:_LONGEST_NAME]: value[:LONGEST_VALUE] for name, value in reversed(pairs)}
