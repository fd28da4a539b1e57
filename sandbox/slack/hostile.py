"""Requests nobody honest would send, by kind. Rule: each is wrong in one way only."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from sandbox.slack.delivery import HttpDelivery
from sandbox.slack.errors import CannotAct
from sandbox.slack.state import Json

FORM = "application/x-www-form-urlencoded"
Request = tuple[bytes, dict[str, str]]
Make = Callable[[HttpDelivery, Json], Request]


def _body(wanted: Json) -> bytes:
    text = wanted.get("body")
    if text is None:
        text = urlencode({"command": "/inbox", "text": "help", "user_id": "U0ALICE", "team_id": "T0ACME"})
    if not isinstance(text, str):
        raise CannotAct(400, "say `body`, a string")
    return text.encode()


def _kind(wanted: Json) -> str:
    return str(wanted.get("content_type", FORM))


def _signed(http: HttpDelivery, wanted: Json) -> Request:
    """Signed well, whatever the body: for malformed content from the right sender."""
    body = _body(wanted)
    return body, http.signed(body, _kind(wanted))


def _unsigned(http: HttpDelivery, wanted: Json) -> Request:
    return _body(wanted), {"Content-Type": _kind(wanted)}


def _forged(http: HttpDelivery, wanted: Json) -> Request:
    body = _body(wanted)
    return body, {**http.signed(body, _kind(wanted)), "X-Slack-Signature": "v0=" + "0" * 64}


def _tampered(http: HttpDelivery, wanted: Json) -> Request:
    body = _body(wanted)
    return body + b"&text=changed", http.signed(body, _kind(wanted))


def _stale(http: HttpDelivery, wanted: Json) -> Request:
    body = _body(wanted)
    return body, http.signed(body, _kind(wanted), age_seconds=int(wanted.get("age_seconds", 301)))


def _replayed(http: HttpDelivery, _wanted: Json) -> Request:
    """The last real delivery, byte by byte."""
    if http.last_sent is None:
        raise CannotAct(409, "nothing was delivered over HTTP yet")
    return http.last_sent.body, http.last_sent.headers


def _bad_timestamp(http: HttpDelivery, wanted: Json) -> Request:
    body = _body(wanted)
    return body, {**http.signed(body, _kind(wanted)), "X-Slack-Request-Timestamp": "soon"}


def _bad_signature(http: HttpDelivery, wanted: Json) -> Request:
    body = _body(wanted)
    return body, {**http.signed(body, _kind(wanted)), "X-Slack-Signature": "v0=é"}


def _malformed(http: HttpDelivery, _wanted: Json) -> Request:
    body = b"payload=%7Bnot+json"
    return body, http.signed(body, FORM)


def _not_utf8(http: HttpDelivery, _wanted: Json) -> Request:
    body = b"command=%2Finbox&text=\xff\xfe"
    return body, http.signed(body, FORM)


def _oversized(http: HttpDelivery, wanted: Json) -> Request:
    body = b"text=" + b"x" * int(wanted.get("bytes", 600 * 1024))
    return body, http.signed(body, FORM)


REQUESTS: dict[str, Make] = {
    "signed": _signed,
    "unsigned": _unsigned,
    "forged": _forged,
    "tampered": _tampered,
    "stale": _stale,
    "replayed": _replayed,
    "bad_timestamp": _bad_timestamp,
    "bad_signature": _bad_signature,
    "malformed": _malformed,
    "not_utf8": _not_utf8,
    "oversized": _oversized,
}
