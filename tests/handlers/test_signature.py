"""Who may speak as Slack."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import pytest

from handlers.slack_http import is_genuine
from tests.views.samples import NOW

BODY = b"command=%2Finbox&text=payload"
AT = str(int(NOW.timestamp()))


def sign(secret: str, timestamp: str = AT, body: bytes = BODY) -> str:
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def genuine(timestamp: str = AT, signature: str | None = None, body: bytes = BODY) -> bool:
    given = sign("new") if signature is None else signature
    return is_genuine(body, timestamp=timestamp, signature=given, secrets=("new", "old"), now=NOW)


@pytest.mark.parametrize("secret", ["new", "old"])
def test_both_secrets_of_a_rotation_are_good(secret: str) -> None:
    """While a secret is being replaced, requests signed with either are Slack's."""
    assert genuine(signature=sign(secret))


@pytest.mark.parametrize(
    ("timestamp", "signature", "body"),
    [
        pytest.param(AT, sign("other"), BODY, id="forged"),
        pytest.param(AT, sign("new"), BODY + b"x", id="body changed"),
        pytest.param(AT, "", BODY, id="unsigned"),
        pytest.param(AT, "v0=", BODY, id="empty"),
        pytest.param(AT, "v1" + sign("new")[2:], BODY, id="other version"),
        pytest.param(AT, sign("new").upper(), BODY, id="upper case"),
        pytest.param(AT, "v0=ümläut", BODY, id="not ASCII"),
        pytest.param(AT, "v0=\udcff", BODY, id="not UTF-8"),
        pytest.param("", sign("new", ""), BODY, id="no timestamp"),
        pytest.param("soon", sign("new", "soon"), BODY, id="timestamp in words"),
        pytest.param("１２３", "v0=x", BODY, id="full-width digits"),
        pytest.param("-5", sign("new", "-5"), BODY, id="negative"),
        pytest.param("9" * 400, sign("new", "9" * 400), BODY, id="enormous"),
        pytest.param("nan", sign("new", "nan"), BODY, id="no number"),
    ],
)
def test_what_is_not_signed_is_refused(timestamp: str, signature: str, body: bytes) -> None:
    """Nothing that may stand in a header is an error; it is simply not Slack."""
    assert not genuine(timestamp, signature, body)


@pytest.mark.parametrize(
    ("seconds", "is_good"), [(-300, True), (300, True), (-301, False), (301, False), (-86_400, False)]
)
def test_a_signature_is_good_for_five_minutes(seconds: int, is_good: bool) -> None:
    """A recorded request is worthless soon after, and a clock may be a little wrong either way."""
    then = str(int((NOW + timedelta(seconds=seconds)).timestamp()))
    assert genuine(then, sign("new", then)) is is_good


def test_no_secret_means_nobody_is_slack() -> None:
    """Without a signing secret nothing can be verified, so nothing is."""
    assert not is_genuine(BODY, timestamp=AT, signature=sign(""), secrets=(), now=NOW)
