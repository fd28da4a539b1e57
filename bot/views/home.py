"""The Home tab and ``list``: many channels within Slack's limits, trouble first, and the set-up card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.domain.access import Operation
from bot.domain.address import key_of
from bot.domain.channel import URGENCY, Cause, Channel, State
from bot.domain.ids import ChannelId
from bot.domain.view_models import ChannelRow, Overview, SetupCard
from bot.views.blocks import (
    HOME_BLOCKS,
    MESSAGE_BLOCKS,
    Block,
    Message,
    View,
    actions,
    bold,
    context,
    divider,
    escape,
    header,
    inert,
    instant,
    mention,
    message,
    section,
    to_type,
)
from bot.views.buttons import connect_button, following, offered, operation_button, why_button
from bot.views.i18n import Language
from bot.views.text import shown
from bot.views.wording import (
    lacking_in_short,
    mail_words,
    state_count,
    state_mark,
    state_words,
    trouble_words,
    via_words,
    way_words,
)
from bot.views.wording.names import company, provider_of

_TROUBLED: Final = frozenset({State.IMPAIRED, State.DISCONNECTED})


def row_blocks(lang: Language, row: ChannelRow, *, roomy: bool, primary: bool = False) -> list[Block]:
    """``roomy`` rows have a button for each deed; the others one button, or none when disabled."""
    if row.channel.state is State.DISABLED:
        return [context(_grey(lang, row)), *(_buttons(lang, row, primary) if roomy else ())]
    if roomy:
        return [section(_text(lang, row, roomy=True)), *_buttons(lang, row, primary)]
    return [section(_text(lang, row, roomy=False), _foremost(lang, row, primary))]


def wants_mending(row: ChannelRow) -> bool:
    """This person can and should reconnect it."""
    is_advised = row.advice is not None and row.advice.may_reconnect
    return (row.channel.state is State.DISCONNECTED or is_advised) and Operation.RECONNECT in row.may


def is_lacking(row: ChannelRow) -> bool:
    """Worth saying: what cannot be judged right now is settled first, and that needs nobody."""
    return bool(row.lacking) and row.channel.state is not State.IMPAIRED


def title(lang: Language, row: ChannelRow) -> str:
    """Address, account, team name, provider and foreign owner, the address standing out."""
    return " · ".join([f"*{inert(row.channel.address)}*", *_about(lang, row)])


def _about(lang: Language, row: ChannelRow) -> list[str]:
    channel = row.channel
    via = escape(via_words(lang, channel.via)) if channel.via else ""
    owner = mention(channel.owner_id) if channel.owner_id and not row.is_own else ""
    return [part for part in (via, inert(channel.name, 40), inert(row.provider_label, 40), owner) if part]


def _text(lang: Language, row: ChannelRow, *, roomy: bool) -> str:
    lines = [title(lang, row), f"{since(lang, row)} · {_proof(lang, row)}"]
    if use := inert(row.channel.use, 60):
        lines.append(lang.say("Used for: {use}", use=use))
    if row.channel.cause not in {Cause.NONE, Cause.CHECKING}:
        known = trouble_words(lang, row.channel, row.provider_label, row.advice, row.unexplained)
        lines.append(escape(lang.together(known.why, known.next_step if roomy else "")))
    if row.mail is not None:
        way = way_words(lang, row.mail, row.channel.provider) if roomy else ""
        lines.append(f"📭 {escape(lang.together(mail_words(lang, row.mail), way))}")
    if is_lacking(row):
        lines.append(escape(lacking_in_short(lang, row.lacking)))
    return "\n".join(lines)


def _grey(lang: Language, row: ChannelRow) -> str:
    mark, _, words = since(lang, row).partition(" ")
    lacking = [escape(lacking_in_short(lang, row.lacking))] if row.lacking else []
    return " · ".join([f"{mark} {inert(row.channel.address)}", *_about(lang, row), words, *lacking])


def since(lang: Language, row: ChannelRow) -> str:
    """Its state, and since when."""
    state = state_words(lang, row.channel, row.unexplained)
    return lang.say("{state} since {when}", state=state, when=instant(lang, row.channel.shown_since))


def _proof(lang: Language, row: ChannelRow) -> str:
    if row.last_ok_at is None:
        return lang.say("not confirmed yet")
    return lang.say("last confirmed {when}", when=instant(lang, row.last_ok_at))


def _buttons(lang: Language, row: ChannelRow, primary: bool) -> list[Block]:
    why = (
        [why_button(lang, row.channel)] if row.channel.state in _TROUBLED and Operation.SEE in row.may else []
    )
    return actions(
        *(_button(lang, row, operation, primary) for operation in _operations(row)), *_moving(lang, row), *why
    )


def _moving(lang: Language, row: ChannelRow) -> list[Block]:
    """The way to where its mail goes, if it is one of our providers and this person may go it."""
    if row.mail is None or row.channel.state is State.DISABLED:
        return []
    return following(lang, row.channel, row.mail, row.may)


def _operations(row: ChannelRow) -> tuple[Operation, ...]:
    see = (Operation.SEE,) if Operation.SEE in row.may else ()
    return (*offered(row.channel, row.may, is_lacking=bool(row.lacking), advice=row.advice), *see)


def _foremost(lang: Language, row: ChannelRow, primary: bool) -> Block | None:
    if wants_mending(row) or (is_lacking(row) and Operation.RECONNECT in row.may):
        return _button(lang, row, Operation.RECONNECT, primary)
    return _button(lang, row, Operation.SEE, primary) if Operation.SEE in row.may else None


def _button(lang: Language, row: ChannelRow, operation: Operation, primary: bool) -> Block:
    return operation_button(
        lang, operation, row.channel, primary=primary and operation is Operation.RECONNECT
    )


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be shown: Slack's limits less what stands around the list."""

    blocks: int
    characters: int
    roomy_rows: int
    """Up to this many rows each has all its buttons."""


def listing(lang: Language, overview: Overview, room: Room) -> list[Block]:
    """All groups, each under its heading, as far as there is room."""
    roomy, mend = overview.tally.total <= room.roomy_rows, to_mend(overview)
    blocks: list[Block] = []
    shown = characters = 0
    for heading, row in _lines(lang, overview):
        added = [*heading, *row_blocks(lang, row, roomy=roomy, primary=mend == row.channel.id)]
        characters += _characters(added)
        if len(blocks) + len(added) > room.blocks or characters > room.characters:
            break  # nothing is drawn that will not be shown
        blocks += added
        shown += 1
    return [*blocks, *_more(lang, overview.tally.total - shown, overview.command)]


def to_mend(overview: Overview) -> ChannelId | None:
    """The one channel whose Reconnect stands out: the first that this person can mend."""
    for group in (overview.team, overview.own, overview.others):
        if waiting := [row.channel for row in group if wants_mending(row)]:
            return min(waiting, key=_rank).id
    return None


def summary(lang: Language, overview: Overview) -> str:
    """``🔴 1 disconnected · 🟢 11 connected``: worth a line from two channels on."""
    counts = [(state, overview.tally.of_state.get(state, 0)) for state in URGENCY]
    return " · ".join(f"{state_mark(state)} {state_count(lang, state, n)}" for state, n in counts if n)


def _lines(lang: Language, overview: Overview) -> Iterator[tuple[list[Block], ChannelRow]]:
    groups = (
        (lang.say("Team addresses"), overview.team),
        (lang.say("Your inbox"), overview.own),
        (lang.say("Other people's inboxes"), overview.others),
    )
    for name, rows in groups:
        for place, row in enumerate(_sorted(rows)):
            yield ([section(f"*{name}*")] if place == 0 else []), row


def _sorted(rows: tuple[ChannelRow, ...]) -> list[ChannelRow]:
    return sorted(rows, key=lambda row: _rank(row.channel))


def _rank(channel: Channel) -> tuple[int, str]:
    return (URGENCY.index(channel.state), key_of(channel.address))


def _more(lang: Language, hidden: int, command: str) -> list[Block]:
    if not hidden:
        return []
    narrow = to_type(command, lang.say("status"), escape(lang.say("<address>")))
    return [context(lang.count("and {n} more: {command}", "and {n} more: {command}", hidden, command=narrow))]


def _characters(blocks: list[Block]) -> int:
    """All text in these blocks, as Slack counts it towards a message's limit."""
    total, waiting = 0, list[Any](blocks)
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            own = part.get("text")
            total += len(own) if isinstance(own, str) else 0
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return total


_ROOM = Room(blocks=MESSAGE_BLOCKS - 10, characters=7_000, roomy_rows=12)
LIST_ROWS: Final = _ROOM.blocks
"""More than that are never shown."""


def overview_message(lang: Language, overview: Overview, *, now: datetime) -> Message:
    total = overview.tally.total
    said = summary(lang, overview) if total else nothing_yet(lang, overview)
    setup = setup_blocks(lang, overview.not_set_up) if overview.not_set_up else []
    intro = [context(said)] if total > 1 else [section(said)] if not total else []
    foot = context(*providers_off(lang, overview), help_hint(lang, overview.command))
    blocks = [*setup, *intro, *listing(lang, overview, _ROOM), *_connect(lang, overview), foot]
    return message(escape(said), blocks)


def _connect(lang: Language, overview: Overview) -> list[Block]:
    """Offered at the end, and only to those who have none of their own: this is a list, not an advert."""
    if overview.tally.own or not overview.may_connect:
        return []
    return actions(connect_button(lang, primary=to_mend(overview) is None))


_NAMED = 5


def setup_blocks(lang: Language, card: SetupCard) -> list[Block]:
    """A checklist for a super admin; for everybody else whom to ask."""
    if not card.is_for_admin:
        return [section(_not_yet(lang, card)), divider()]
    lines = "\n".join([bold(lang.say("Set up Inboxkeeper")), *_setup_lines(lang, card)])
    return [section(lines), context(_told(lang, card)), divider()]


def _not_yet(lang: Language, card: SetupCard) -> str:
    if not card.admins:
        return lang.say(
            "Inboxkeeper is not set up yet. Ask an owner of this Slack workspace, or whoever runs "
            "Inboxkeeper."
        )
    return lang.say("Inboxkeeper is not set up yet. Ask {people}.", people=people(lang, card.admins))


def _setup_lines(lang: Language, card: SetupCard) -> list[str]:
    pages = lang.say("Pages open at {url}", url=inert(card.base_url, 200))
    if card.loopback_only:
        pages = lang.say(
            "Pages open at {url}: only on the machine that runs the bot. Set BASE_URL to an address that "
            "opens in your people's browsers.",
            url=inert(card.base_url, 200),
        )
    return [
        "✅ " + lang.say("Slack connected"),
        ("⚠️ " if card.loopback_only else "✅ ") + pages,
        _client(lang, card, "google", is_on=card.google_on),
        _client(lang, card, "microsoft", is_on=card.microsoft_on),
        "☐ " + lang.say("Connect the first inbox"),
    ]


def _client(lang: Language, card: SetupCard, key: str, *, is_on: bool) -> str:
    """Whether mailboxes at Google or Microsoft can be connected, and what is missing."""
    at = company(provider_of(key))
    if is_on:
        return "✅ " + lang.say("{company} client configured", company=at)
    uri = inert(shown(f"{card.base_url.rstrip('/')}/callback/{key}", 200), 200)
    return "☐ " + lang.say(
        "No {company} client yet: set the client ID and secret. Its redirect URI is {url}",
        company=at,
        url=uri,
    )


def _told(lang: Language, card: SetupCard) -> str:
    if not card.admins:
        return lang.say("There is no active super admin.")
    return lang.say("Super admins: {people}", people=people(lang, card.admins))


def people(lang: Language, ids: tuple[str, ...]) -> str:
    """People as mentions, the first few of many."""
    named = lang.listed(mention(one) for one in ids[:_NAMED])
    rest = len(ids) - _NAMED
    return named if rest <= 0 else lang.say("{people} and {n} more", people=named, n=rest)


_HOME_ROOM = Room(blocks=HOME_BLOCKS - 12, characters=60_000, roomy_rows=24)
HOME_ROWS: Final = _HOME_ROOM.blocks
"""More than that are never shown."""


def home(lang: Language, overview: Overview, *, now: datetime) -> View:
    setup = setup_blocks(lang, overview.not_set_up) if overview.not_set_up else []
    return {
        "type": "home",
        "blocks": [
            *setup,
            header(lang.say("Inboxes")),
            *_intro(lang, overview),
            *_connect_section(lang, overview),
            *listing(lang, overview, _HOME_ROOM),
            *_foot(lang, overview),
        ],
    }


def _intro(lang: Language, overview: Overview) -> list[Block]:
    if not overview.tally.total:
        return [section(nothing_yet(lang, overview))]
    return [context(summary(lang, overview))] if overview.tally.total > 1 else []


def nothing_yet(lang: Language, overview: Overview) -> str:
    """What an empty overview says: how to begin, if this person can."""
    if overview.may_connect:
        return lang.say("Nothing is connected yet. Connect your inbox: it takes a minute.")
    return lang.say("Nothing is connected yet.")


def _connect_section(lang: Language, overview: Overview) -> list[Block]:
    if not overview.may_connect:
        return []
    return actions(connect_button(lang, primary=not overview.tally.own and to_mend(overview) is None))


def _foot(lang: Language, overview: Overview) -> list[Block]:
    return [context(*providers_off(lang, overview), help_hint(lang, overview.command))]


def providers_off(lang: Language, overview: Overview) -> list[str]:
    if not overview.providers_off:
        return []
    names = lang.listed(inert(label, 40) for label in overview.providers_off)
    return [lang.say("Not available yet, because no client is configured: {providers}.", providers=names)]


def help_hint(lang: Language, command: str) -> str:
    return lang.say("{command} shows all that you can do.", command=to_type(command, lang.say("help")))
