"""``make verify-online``: the whole path against one real workspace and real accounts, beside a person.

Opt-in, and never in CI. The bot runs with the settings in ``.env``, on a database of its own; a person does
in Slack and the browser what is said here; what came of it is read from the bot's own history and compared
with what the local providers of the sandbox do. The one rule: no secret and no address is written down.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from bot.app import Bot, KeysLost, running
from bot.config import Settings, SettingsError, load
from bot.domain.channel import Channel, HistoryEntry, State
from bot.domain.ids import ChannelId
from bot.domain.notice import NoticeKind
from bot.slack.client import StartRefused
from storage import StorageAway, UnitOfWork

VERIFIED: Final = Path("docs/verified.md")
DATABASE: Final = Path("data/verify-online.db")
_PATIENCE: Final = 1_800
"""Looks at what came of a step: half an hour, with a second between two."""
_SHOWN: Final = ("from", "to", "cause", "code", "revocation")
"""What of a line of history is compared: no address, nobody's id."""


@dataclass(frozen=True)
class Step:
    """One thing to do, and how one knows that it is done."""

    name: str
    task: str
    """For the person; empty where only the bot has something to do."""
    is_done: Callable[[Mailbox], bool]


@dataclass(frozen=True)
class Mailbox:
    """What the bot knows of the mailbox at one moment."""

    channel: Channel
    history: tuple[HistoryEntry, ...]
    """The oldest line first."""
    last_ok_at: datetime | None
    unknown_code: str
    alarms_sent: int


@dataclass(frozen=True)
class Seen:
    """What came of a step."""

    step: str
    facts: tuple[str, ...]
    seconds: float


class Person(Protocol):
    """Who does what only a person can."""

    async def does(self, step: Step, task: str) -> None: ...


class Asked:
    """Somebody at this terminal."""

    async def does(self, step: Step, task: str) -> None:
        _say(f"\n{step.name}: {task or 'nothing to do, the bot is looking.'}")


REVOKE_AT: Final = {
    "google": "https://myaccount.google.com/connections",
    "microsoft": "https://myapps.microsoft.com (a work account) or https://account.live.com/consent/Manage",
}


def _works_again(box: Mailbox) -> bool:
    return box.channel.state is State.CONNECTED and box.alarms_sent > 0


STEPS: Final = (
    Step(
        "connect",
        "In Slack type `/inbox connect {address}` and go through the provider's pages to the end.",
        lambda box: box.channel.state is State.CONNECTED,
    ),
    Step("probe", "", lambda box: box.last_ok_at is not None and box.last_ok_at > box.channel.since),
    Step(
        "revoke",
        "Take the app's access away at {revoke_at}. Leave Slack alone meanwhile.",
        lambda box: box.channel.state is State.DISCONNECTED,
    ),
    Step("alarm", "", lambda box: box.alarms_sent > 0),
    Step("reconnect", "Press *Reconnect* in the bot's message and sign in again.", _works_again),
    Step(
        "remove",
        "In Slack type `/inbox remove {address}` and confirm.",
        lambda box: box.channel.state is State.REMOVED,
    ),
)


def _expected(code: str) -> dict[str, tuple[str, ...]]:
    refused = f"cause=grant_refused code={code}"
    return {
        "connect": ("connect_proven from=impaired to=connected",),
        "probe": (),
        "revoke": (
            f"refused from=connected to=impaired {refused}",
            f"strike code={code}",
            f"refused_again from=impaired to=disconnected {refused}",
        ),
        "alarm": (),
        "reconnect": ("reconnect_proven from=disconnected to=connected",),
        "remove": ("remove_asked from=connected to=removed cause=by_person",),
    }


EXPECTED: Final = {"google": _expected("invalid_grant"), "microsoft": _expected("AADSTS65001")}
"""What the sandbox does, by provider and step: a test walks there and compares."""


async def walk(
    bot: Bot, person: Person, address: str, *, provider: str, pause: Callable[[], Awaitable[None]]
) -> list[Seen]:
    """All steps with one mailbox. ``pause`` passes the time between two looks. Ends early, with a fact that
    says so, when a step is not done in time."""
    seen: list[Seen] = []
    known = 0
    channel_id: ChannelId | None = None
    for step in STEPS:
        began = bot.services.core.clock()
        await person.does(step, step.task.format(address=address, revoke_at=REVOKE_AT[provider]))
        box = await _until(bot, channel_id or address, step, pause)
        after = (bot.services.core.clock() - began).total_seconds()
        if box is None:
            return [*seen, Seen(step.name, ("not done in time",), after)]
        seen.append(Seen(step.name, _facts(box, known), after))
        known, channel_id = len(box.history), box.channel.id
    return seen


async def _until(bot: Bot, which: str, step: Step, pause: Callable[[], Awaitable[None]]) -> Mailbox | None:
    for _ in range(_PATIENCE):
        async with bot.services.core.storage.reading() as uow:
            box = await _mailbox(uow, bot, which)
        if box is not None and step.is_done(box):
            return box
        await pause()
    return None


async def _mailbox(uow: UnitOfWork, bot: Bot, which: str) -> Mailbox | None:
    """By its address, or by its id: once it is removed, no inbox is at the address."""
    if "@" in which:
        channel = await uow.channels.at_address(bot.services.workspace.id, which)
    else:
        channel = await uow.channels.find(ChannelId(which))
    if channel is None:
        return None
    probe = await uow.probes.find(channel.id)
    alarms = await uow.notices.of_channel(channel.id, NoticeKind.INCIDENT)
    return Mailbox(
        channel,
        (await uow.history.of_channel(channel.id, 200))[::-1],
        probe.last_ok_at if probe else None,
        (probe.unknown_code or "") if probe else "",
        sum(notice.ts is not None for notice in alarms),
    )


def _facts(box: Mailbox, known: int) -> tuple[str, ...]:
    """The lines of history since then, each once; and a code that nobody has classified."""
    lines = [_line(entry) for entry in box.history[known:]]
    if box.unknown_code:
        lines.append(f"unknown code {box.unknown_code}")
    return tuple(dict.fromkeys(lines))


def _line(entry: HistoryEntry) -> str:
    shown = [f"{name}={entry.details[name]}" for name in _SHOWN if entry.details.get(name)]
    return " ".join([entry.what, *shown])


def _listed(facts: Sequence[str]) -> str:
    return "; ".join(facts) or "nothing"


def differences(provider: str, seen: Sequence[Seen]) -> list[str]:
    """In words, what was otherwise than in the sandbox."""
    wanted = EXPECTED[provider]
    return [
        f"{one.step}: {_listed(one.facts)} (the sandbox: {_listed(wanted[one.step])})"
        for one in seen
        if one.facts != wanted[one.step]
    ]


def section(provider: str, seen: Sequence[Seen], *, at: datetime, where: str) -> str:
    """For ``docs/verified.md``."""
    differ = differences(provider, seen)
    rows = "".join(f"| {one.step} | {one.seconds:.0f} s | {'; '.join(one.facts)} |\n" for one in seen)
    told = "".join(f"- {one}\n" for one in differ) or "Nothing differs from the sandbox.\n"
    return (
        f"\n## {at:%Y-%m-%d}, {provider}, {where}\n\n"
        f"| step | after | what the bot noted |\n|---|---|---|\n{rows}\n{told}"
    )


def _add(text: str) -> None:
    with VERIFIED.open("a", encoding="utf-8") as out:
        out.write(text)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> None:
    """What a person starts."""
    if os.environ.get("CI"):
        sys.exit("This asks a person, and real accounts: it is no check for CI.")
    arguments = _arguments()
    accounts = {name: getattr(arguments, name) for name in REVOKE_AT if getattr(arguments, name)}
    if not accounts:
        sys.exit('Nothing to verify. Next: make verify-online ARGS="--google you@example.com"')
    try:
        asyncio.run(_verify(_settings(), accounts))
    except (SettingsError, StartRefused, KeysLost, StorageAway) as error:
        sys.exit(f"{error}\n\nNext: `python -m bot doctor`.")
    except KeyboardInterrupt:
        sys.exit(f"\nStopped; of what was not finished nothing is in {VERIFIED}.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make verify-online", description=__doc__)
    for name in REVOKE_AT:
        parser.add_argument(f"--{name}", metavar="ADDRESS", help="the address of your own mailbox there")
    return parser.parse_args()


def _settings() -> Settings:
    """Those of the bot, on a database of its own that is new each time."""
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    for old in DATABASE.parent.glob(f"{DATABASE.name}*"):
        old.unlink()
    return load({**os.environ, "INBOXKEEPER_DATABASE_URL": f"sqlite:///{DATABASE}"})


async def _verify(settings: Settings, accounts: dict[str, str]) -> None:
    _say("Stop every other bot with these tokens first: Slack gives each click to one of them.")
    async with running(settings) as bot:
        _say(f"The bot runs in {bot.services.workspace.name}.")
        for provider, address in accounts.items():
            seen = await walk(bot, Asked(), address, provider=provider, pause=lambda: asyncio.sleep(1))
            text = section(provider, seen, at=datetime.now(UTC), where="real accounts")
            await asyncio.to_thread(_add, text)
            _say(text)
    _say(f"Written to {VERIFIED}. Read it once before you commit it.")


if __name__ == "__main__":
    main()
