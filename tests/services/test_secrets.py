"""Nothing secret is left lying about: neither in the database in clear, nor in any log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy import select

from bot import log_setup
from storage.tables import metadata
from tests.services.play import Play, on_both, secret_of

ALICE, KENJI = "alice@acme.example", "kenji@acme.example"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that anybody logs from now on, as it would be written."""
    root = logging.getLogger()
    handlers, level, ours = list(root.handlers), root.level, structlog.get_config()
    levels = {name: logging.getLogger(name).level for name in log_setup.LEAST_LEVELS}
    known = set(log_setup._known)
    stream = io.StringIO()
    log_setup.configure("json", level=logging.DEBUG, stream=stream)
    yield stream
    root.handlers, root.level = handlers, level
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)
    log_setup._known.clear()
    log_setup._known.update(known)
    structlog.configure(**ours)


class Unfiltered(logging.Handler):
    """What our own modules pass to their loggers, before anything is concealed."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.split(".")[0] in {"bot", "handlers", "providers", "storage"}:
            self.lines.append(f"{record.msg!r} {record.args!r} {record.exc_info!r}")


async def full_run(play: Play) -> list[str]:
    """Most of what can happen, and every secret that took part in it."""
    alice = await play.connect("alice")
    kenji = await play.connect("kenji")
    secrets = [(await play.grant(channel.grant_id)).secret for channel in (alice, kenji)]
    begun = await play.reconnect("alice", alice)
    async with play.storage.reading() as uow:
        ticket = await uow.tickets.find(begun.ticket_id)
    assert ticket is not None
    secrets.append(ticket.verifier)
    wrong = await play.signs_in(begun, KENJI)
    assert not wrong.ending.is_good
    unfinished = await play.reconnect("kenji", kenji)
    play.google.break_down("revoked", ALICE)
    await play.passes(minutes=20)
    play.google.break_down("server_error", KENJI, at="gmail")
    await play.look(kenji)
    link = await play.link("alice")
    await play.services.oauth_flow.link_start(link, "browser")
    play.google.break_down("revoke_failing")
    await play.remove("kenji", kenji)
    await play.disable("alice", alice)
    await play.stage.driver.break_("away", times=3)
    await play.passes(minutes=5)
    settings = play.stage.town.settings
    return [
        *(secret.reveal() for secret in secrets if secret is not None),
        *play._secrets.values(),
        secret_of(unfinished),
        link,
        *play.handed_out(),
        *settings.secrets(),
    ]


@on_both
async def test_after_a_full_run_nothing_secret_lies_about(play: Play, log: io.StringIO) -> None:
    """Tokens, codes, verifiers, tickets, links, client secret, keys: sealed in the database, in no log."""
    unfiltered = Unfiltered()
    logging.getLogger().addHandler(unfiltered)
    secrets = [secret for secret in await full_run(play) if len(secret) >= 8]
    assert len(secrets) > 20
    stored, written, passed = await everything_stored(play), log.getvalue(), "\n".join(unfiltered.lines)
    assert "refused" in stored  # the dump holds what it should
    assert written
    found = {
        place
        for secret in secrets
        for place, text in (("database", stored), ("log", written), ("our own log calls", passed))
        if secret in text
    }
    assert not found


async def everything_stored(play: Play) -> str:
    """Every value of every column, as text."""
    lines: list[str] = []
    async with play.storage.reading() as uow:
        for table in metadata.sorted_tables:
            for row in await uow.connection.rows(select(table)):
                lines.extend(_text(value) for value in row)
    return "\n".join(lines)


def _text(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("latin-1")
    return str(value)


async def test_what_slack_is_told_holds_no_secret_but_the_readers_own_links(play: Play) -> None:
    """Of all that was ever sent to Slack, only links to our own pages may hold one."""
    secrets = await full_run(play)
    links = {secret for secret in secrets if secret in play._secrets.values()}
    sent = str([call["arguments"] for call in await play.stage.driver.calls()])
    leaked = [s for s in secrets if len(s) >= 8 and s in sent and f"/l/{s}" not in sent]
    assert not [secret for secret in leaked if secret not in links]
