"""Telemetry: one way out for every log line, and no secret on it."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from bot import log_setup
from bot.log_setup import HIDDEN, concealed
from bot.metrics import Metrics

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, ours = list(root.handlers), root.level, structlog.get_config()
    levels = {name: logging.getLogger(name).level for name in log_setup.LEAST_LEVELS}
    known = set(log_setup._known)
    yield
    root.handlers, root.level = handlers, level
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)
    log_setup._known.clear()
    log_setup._known.update(known)
    structlog.configure(**ours)


def written(log_format: Literal["console", "json"] = "json", level: int = logging.DEBUG) -> io.StringIO:
    stream = io.StringIO()
    log_setup.configure(log_format, level=level, stream=stream)
    return stream


SECRETS = [
    "xoxb-123-456-abcDEF",
    "xoxe.xoxb-1-Mi0yLTEy",
    "xoxe-1-My0xLTEy",
    "xapp-1-A0-99-abc",
    "https://hooks.slack.com/actions/T1/2/abc",
    "http://localhost:3000/respond/T1/abc",
    "ya29.a0AfB_by-x",
    "1//0gabc-DEF_x",
    "4/0AX4XfWhabcdefghijklmnop",
    "GOCSPX-abc_def",
    JWT,
    KEY,
    "gAAAAABm" + "Ab-_" * 22 + "==",
    "1%2F%2F0gabc-DEF_x",
    "4%2F0AX4XfWhabcdefghijklmnop",
    "M.C525_BAY.0.U.-CqPz*abc!def$ghi",
    "M.R3_SN1.2.U.11111111-2222-3333",
    "0.AXoAabcdefghijklmnopqrstuvwxyz.AgABAAEAAAD",
    "1.AXoAabcdefghijklmnopqrstuvwxyz",
    "EwBwA8l6BAAU" + "aB3+" * 12 + "==",
    "abc8Q~" + "aB3.-_~x" * 4,
    "v0=" + "0a" * 32,
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n",
    "https://hooks.slack-gov.com/commands/T1/2/abc",
    "A" * 20 + "b-_7" * 5 + "xyz",
    "ik_ab12cd34_" + "Ab-_" * 12 + "x",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("text", ["{}", "before {}, after", "'{}'", '{{"a": "{}"}}', "x={}&y=1"])
def test_secrets_are_told_by_their_shape(secret: str, text: str) -> None:
    """Slack's, Google's, signed tokens and keys are concealed wherever they stand."""
    assert secret not in concealed(text.format(secret))
    assert HIDDEN in concealed(text.format(secret))


@pytest.mark.parametrize(
    "text",
    [
        "refresh_token=hush&grant_type=refresh_token",
        '{"access_token": "hush", "expires_in": 3599}',
        "{'id_token': 'hush'}",
        '"{\\"client_secret\\": \\"hush\\"}"',
        "client_secret=hush",
        "password='hush hush'",
        "trigger_id=hush",
        "Authorization: Bearer hush.hush",
        "{'Authorization': 'Basic aHVzaGh1c2g='}",
        "https://bot.example/google/callback?state=hush&code=hush",
        "code=hush&client_id=1",
        "postgresql://bot:hush@db/inbox",
        "INBOXKEEPER_GOOGLE_CLIENT_SECRET=hush",
        "response_url=hush",
        "GET /go/hushhushhush HTTP/9.9",
        "bytearray(b'/l/hushhushhush",
        "https://bot.example/mail/export/hushhushhush",
        "next=%2Fgo%2Fhushhushhush",
        "inboxkeeper_browser=hushhush; other=1",
        "b'Cookie: corp_sso_session=hush; c0=1",
        "Set-Cookie: session=hush; Path=/",
        "Authorization: Digest username=hush",
        "X-Slack-Signature: hush",
        "X-Api-Key: hush",
        "/callback/google?handle=hush",
        "/callback/google?code%3Dhushhushhushhushhushhushhushhush",
        'a1 LOGIN "alice@acme.example" "hush hush"',
        "LOGIN alice@acme.example hush",
        'LOGIN "alice" "hush"',
        "A7 AUTHENTICATE PLAIN AGFsaWNlAGh1c2hodXNo",
        "auth=Bearer hush.hush",
        "AUTH PLAIN AGFsaWNlAGh1c2hodXNo",
        "postgresql+psycopg://bot:hush@hush@db.example:5432/inbox",
        "redis://:hush@cache",
        "PGPASSWORD=hush",
        "accessToken='hush'",
        '{"password": "hu\\"sh hush"}',
        "refresh_token%3Dhush",
        "password: hush",
        "client_assertion=hush",
        "api_key=hush",
        "api-key=hush",
        "passphrase='hush'",
        "refresh_token: hush",
        "{'password': b'hush'}",
        "{'password': ['hush']}",
        '{"password": [ "hush" ]}',
        "[('Authorization', 'hush')]",
        "((b'Cookie', b'corp_sso_session=hush'),)",
        "('refresh_token', ['hush'])",
        "{'client_secret' => 'hush'}",
        "{'Cookie': b'corp=hush; c0=hush'}",
        'Cookie: a="x"; corp_sso_session=hush',
        "Set-Cookie: a='x'; corp_sso_session=hush",
    ],
)
def test_secrets_are_told_by_their_place(text: str) -> None:
    """A value whose name says that it is secret is concealed, whatever it looks like."""
    shown = concealed(text)
    assert "hush" not in shown
    assert "aHVzaGh1c2g" not in shown and "h1c2h" not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "text",
    [
        "state=connected code=invalid_grant",
        "code=admin_policy_enforced status_code=200",
        "a@example.com since 10:02, 24/7-support, 50%",
        "https://bot.example/connect",
        "the refresh token was refused",
        "password, 'alice'",
        "('token', 5)",
        "password change",
        "LOGIN failed",
        "a1 NO [AUTHENTICATIONFAILED] LOGIN failed",
        "AUTHENTICATE PLAIN is off",
        "/go/{secret} 404",
        "/callback/{provider}",
        "AADSTS50196 trace 6a1b7e4f-0000-4000-8000-0123456789ab",
        "postgresql://db.example/inbox",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_news_stays_readable(text: str) -> None:
    """States, error codes and addresses are what logs are for."""
    assert concealed(text) == text


def test_registered_secrets_are_concealed() -> None:
    """A secret without a telling shape is concealed once it is known, quoted or not."""
    log_setup.redact("cor/rect horse", "abc")
    assert concealed("cor/rect horse, cor%2Frect+horse, abc") == f"{HIDDEN}, {HIDDEN}, abc"


def test_a_long_text_is_cut_before_anything_reads_it() -> None:
    """Whoever makes us log something does not decide how much; its beginning and its last lines stay."""
    shown = concealed("begins so\n" + "a line\n" * 200_000 + "ValueError: ends so")
    assert shown.startswith("begins so\n") and shown.endswith("\nValueError: ends so")
    assert len(shown) < 5_000 and "characters" in shown
    assert len(concealed("no words " + "x" * 1_000_000)) < 5_000


@pytest.mark.parametrize("secret", [secret for secret in SECRETS if "\n" not in secret])
@pytest.mark.parametrize("end", ["\nthe end", " ", "&x=1"])
def test_no_half_of_a_secret_is_left_by_a_cut(secret: str, end: str) -> None:
    """Where a text is cut, no piece of a word stays: half a secret is not told by its shape."""
    for before in range(980, 1030):
        shown = concealed("w " * (before // 2) + " " * (before % 2) + secret + end + "y z " * 2_000)
        assert secret[-7:] not in shown.replace(" ", "") and secret[:9] not in shown


def test_what_is_nested_is_cut_as_well() -> None:
    """Not the text alone: lists, names and depth are within reason, too."""
    deep: object = "bottom"
    for _ in range(500):
        deep = {"in": deep}
    out = written("json")
    structlog.get_logger("ours").info(
        "much", what=["x y " * 1_500] * 1_000, names={"n" * 10_000: 1}, deep=deep
    )
    assert len(out.getvalue()) < 250_000
    assert "bottom" not in out.getvalue()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_every_way_out_is_guarded(log_format: Literal["console", "json"]) -> None:
    """Our lines and libraries', extras, nested values, objects and exceptions pass the same guard."""

    class Careless:
        def __repr__(self) -> str:
            return "Careless(xoxb-1-hush)"

    out = written(log_format)
    ours = structlog.get_logger("ours")
    ours.info(
        "a token xoxb-1-hush", refresh_token="hush", nested={"password": "hush", "list": ["xapp-1-hush"]}
    )
    ours.info("an object", value=Careless())
    theirs = logging.getLogger("theirs")
    theirs.info("args %s", {"token": "hush"}, extra={"client_secret": "hush"})
    try:
        raise ValueError("refused: xoxb-1-hush")
    except ValueError:
        ours.exception("ours failed")
        theirs.exception("theirs failed")
    assert "hush" not in out.getvalue()
    assert out.getvalue().count("ValueError: refused: ") == 2
    assert "theirs failed" in out.getvalue()


def test_json_is_one_object_per_line() -> None:
    """Concealing never breaks the line for the collector that parses it."""
    out = written("json")
    structlog.get_logger("ours").info('odd "quotes"', body='{"token": "a\\"b"}', what={"password": 'a"b'})
    logging.getLogger("theirs").warning("two\nlines")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["event"] == 'odd "quotes"'
    assert first["logger"] == "ours"
    assert (second["event"], second["level"]) == ("two\nlines", "warning")


def test_libraries_keep_their_bodies_to_themselves() -> None:
    """Even at DEBUG, those that log bodies, paths or parameters stay above it."""
    out = written(level=logging.DEBUG)
    logging.getLogger("slack_sdk.web.async_client").debug("body")
    logging.getLogger("slack_bolt.App").info("snippet")
    logging.getLogger("aiohttp.access").info("GET /connect/ticket")
    logging.getLogger("sqlalchemy.engine.Engine").info("parameters")
    logging.getLogger("ours").debug("mine")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["mine"]


def test_a_line_that_cannot_be_written_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The standard fallback prints the arguments; ours names only the place."""
    written()
    logging.getLogger().handlers = logging.getLogger().handlers[-1:]  # pytest's own would raise
    logging.getLogger("theirs").info("number %d", "xoxb-1-hush")
    said = capsys.readouterr().err
    assert "theirs" in said
    assert "hush" not in said


def test_configuring_twice_writes_once() -> None:
    """The second configuration replaces the first."""
    first, second = written(), written()
    structlog.get_logger("ours").info("once")
    assert (first.getvalue(), second.getvalue().count("once")) == ("", 1)


def test_figures_have_no_addresses_or_secrets() -> None:
    """Labels are short plain words: what is not becomes "other"."""
    metrics = Metrics.build()
    metrics.slack_call("chat.postMessage", "ok")
    metrics.probe("google", "refused")
    metrics.job("revoke", "done")
    metrics.http_request("/connect/{ticket}", 200, 0.01)
    metrics.unknown_code("google", "someone@example.com is unknown")
    metrics.unknown_code("google", "xoxb-1-hush")
    metrics.unreachable()
    metrics.dead_job("revoke_grant")
    shown = metrics.exposition().decode()
    assert 'inboxkeeper_slack_calls_total{method="chat.postMessage",outcome="ok"} 1.0' in shown
    assert 'inboxkeeper_http_requests_total{route="/connect/{ticket}",status="200"} 1.0' in shown
    assert 'inboxkeeper_unknown_codes_total{code="other",provider="google"} 2.0' in shown
    assert 'inboxkeeper_dead_jobs_total{kind="revoke_grant"} 1.0' in shown
    assert "hush" not in shown
    assert "example.com" not in shown


def test_each_process_has_its_own_figures() -> None:
    """Two bots in one test process don't count each other's work."""
    first, second = Metrics.build(), Metrics.build()
    first.probe("google", "ok")
    assert b'outcome="ok"' in first.exposition()
    assert b'outcome="ok"' not in second.exposition()
