"""Slack over HTTP: verifies raw bytes, parses them itself and hands on a dict."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
import structlog
from aiohttp import web

from handlers.slack_request import Dispatcher, Malformed
from handlers.web_session import FORM, read_body

WINDOW: Final = timedelta(minutes=5)
TIMESTAMP: Final = "X-Slack-Request-Timestamp"
SIGNATURE: Final = "X-Slack-Signature"


def is_genuine(body: bytes, *, timestamp: str, signature: str, secrets: Sequence[str], now: datetime) -> bool:
    """Whether one of the ``secrets`` signed ``body`` within the last five minutes.

    Two secrets are valid while they are being rotated. Whatever stands in the headers is no error.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        return False
    given = signature.encode("utf-8", "surrogateescape")
    # Every secret is tried: the time taken says nothing about which one was right.
    fits = [hmac.compare_digest(given, _signed(secret, timestamp, body)) for secret in secrets]
    return any(fits)


def _signed(secret: str, timestamp: str, body: bytes) -> bytes:
    base = b"v0:" + timestamp.encode() + b":" + body
    return b"v0=" + hmac.digest(secret.encode(), base, "sha256").hex().encode()


PATH: Final = "/slack/events"
MOST_BYTES: Final = 512 * 1024
_READS_FOR: Final = 3.0
_WORDS: Final = {408: "too slow", 413: "too large"}
_MOST_FIELDS: Final = 50
_log = structlog.get_logger(__name__)


class SlackHttp:
    """The route."""

    def __init__(
        self, app: Dispatcher, *, signing_secrets: Sequence[str], clock: Callable[[], datetime]
    ) -> None:
        self._app = app
        self._secrets = tuple(signing_secrets)
        self._clock = clock

    async def receive(self, request: web.Request) -> web.Response:
        """Answer one request of Slack's."""
        try:
            raw = await read_body(request, most=MOST_BYTES, within=_READS_FOR)
        except web.HTTPException as error:
            return _word(error.status, _WORDS.get(error.status, "malformed"))
        if not self._is_genuine(request, raw):
            _log.warning("A request was not signed by Slack")
            return _word(401, "not signed by Slack")
        try:
            body = parsed(raw, request.content_type)
        except Malformed:
            return _word(400, "malformed")
        return await self._answered(body)

    async def _answered(self, body: dict[str, Any]) -> web.Response:
        if body.get("type") == "url_verification":
            return web.json_response({"challenge": str(body.get("challenge", ""))[:1000]})
        if body.get("ssl_check") == "1":
            return web.Response()
        answer = await self._app.dispatch(body)
        if answer.body is None:
            return web.Response(status=answer.status)
        return web.Response(
            body=_dumped(answer.body), status=answer.status, content_type="application/json", charset="utf-8"
        )

    def _is_genuine(self, request: web.Request, raw: bytes) -> bool:
        return is_genuine(
            raw,
            timestamp=request.headers.get(TIMESTAMP, ""),
            signature=request.headers.get(SIGNATURE, ""),
            secrets=self._secrets,
            now=self._clock(),
        )


def parsed(raw: bytes, content_type: str) -> dict[str, Any]:
    """The payload: JSON, or a form that is one or carries one. Raises ``Malformed``."""
    try:
        text = raw.decode("utf-8")
        if content_type == FORM:
            form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
            # A command's text may well contain the word; only the field counts.
            body: Any = _loaded(form["payload"]) if "payload" in form else form
        else:
            body = _loaded(text)
    except (ValueError, RecursionError) as fault:
        raise Malformed("neither JSON nor a form") from fault
    if not isinstance(body, dict):
        raise Malformed("no object")
    return body


def _loaded(text: str) -> Any:
    """By orjson, which is quick. What it is too strict for (half a surrogate pair) is left to those who clean
    texts. Raises ``ValueError`` and ``RecursionError``."""
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text)


def _dumped(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # as above
        return json.dumps(body).encode()


def _word(status: int, error: str) -> web.Response:
    return web.json_response({"error": error}, status=status)
