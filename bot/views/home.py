"""The Home tab and ``list``: many channels within Slack's limits, trouble first, and the set-up card."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.domain.access import Operation
from bot.domain.address import LONGEST, key_of
from bot.domain.channel import URGENCY, Cause, Channel, State
from bot.domain.ids import ChannelId
from bot.domain.incident import Incident
from bot.domain.request import Awaits, Request, RequestState
from bot.domain.view_models import Browse, ChannelRow, FirstHour, Overview, SetupCard
from bot.views.availability import in_row
from bot.views.blocks import (
    HOME_BLOCKS,
    MESSAGE_BLOCKS,
    Block,
    Message,
    View,
    actions,
    bold,
    button,
    context,
    divider,
    escape,
    header,
    inert,
    instant,
    mention,
    message,
    plain,
    section,
    select,
    to_type,
)
from bot.views.buttons import (
    ADMINS,
    CONNECT,
    EXPORT,
    HELP,
    PERMISSIONS_ALL,
    REPORT,
    approve_buttons,
    cancel_button,
    connect_button,
    following,
    go_on_button,
    menu,
    offered,
    operation_button,
    overview_button,
    row_menu,
    typed_button,
)
from bot.views.i18n import Language
from bot.views.text import shown
from bot.views.wording import (
    Why,
    cause_in_short,
    counted,
    lacking_in_short,
    mail_words,
    requested_change_words,
    state_count,
    state_mark,
    state_words,
    trouble_words,
    via_words,
    way_words,
)
from bot.views.wording.names import company, provider_of

_TROUBLED: Final = frozenset({State.IMPAIRED, State.DISCONNECTED})


def row_blocks(
    lang: Language,
    row: ChannelRow,
    *,
    primary: bool = False,
    told: frozenset[str] = frozenset(),
    roomy: bool = True,
) -> list[Block]:
    """One line where all is well, with a menu; what has to be done has a button before its menu. ``told`` are
    reasons that stand above the list, and are only named here. ``roomy``: with what to do about it."""
    buttons = _deeds(lang, row, primary)
    rest = row_menu(lang, row, _rest(row), is_troubled=row.channel.state in _TROUBLED)
    if row.channel.state is State.DISABLED:
        return [context(_grey(lang, row)), *actions(*buttons, *rest)]
    text = _text(lang, row, told=told, roomy=roomy)
    if buttons or not rest:
        return [section(text), *actions(*buttons, *rest)]
    return [section(text, rest[0])]


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


def _text(lang: Language, row: ChannelRow, *, told: frozenset[str], roomy: bool) -> str:
    if row.channel.state is State.CONNECTED:
        lines = [f"{title(lang, row)} · {since(lang, row)}"]
    else:
        why = trouble_in(lang, row)
        is_told = why is not None and why.why in told
        state = since(lang, row) + (_in_short(lang, row) if is_told else "")
        trouble = [] if why is None or is_told else [_trouble(lang, row, why, roomy)]
        lines = [title(lang, row), state, *_use(lang, row), *trouble]
        lines += on_it(lang, row.outage)
    if row.owner_left:
        lines.append(owner_left(lang))
    lines += in_row(lang, row.availability, roomy=roomy)
    if row.mail is not None:
        way = way_words(lang, row.mail, row.channel.provider) if roomy else ""
        lines.append(f"📭 {escape(lang.together(mail_words(lang, row.mail), way))}")
    if is_lacking(row):
        lines.append(escape(lacking_in_short(lang, row.lacking)))
    return "\n".join(lines)


def _use(lang: Language, row: ChannelRow) -> list[str]:
    """What stops as long as it does not work."""
    use = inert(row.channel.use, 60)
    return [lang.say("Used for: {use}", use=use)] if use else []


def _in_short(lang: Language, row: ChannelRow) -> str:
    """Of what stands above the list. Of what is being checked its state has said as much."""
    if row.channel.state is not State.DISCONNECTED:
        return ""
    short = cause_in_short(lang, row.channel.cause, row.provider_label)
    return f" · {escape(short)}" if short else ""


def _trouble(lang: Language, row: ChannelRow, why: Why, roomy: bool) -> str:
    # Of whoever has left nobody is told to sign in.
    return escape(lang.together(why.why, why.next_step if roomy and not row.owner_left else ""))


def trouble_in(lang: Language, row: ChannelRow) -> Why | None:
    """What is wrong with it, if that is known."""
    if row.channel.state is State.DISABLED or row.channel.cause in {Cause.NONE, Cause.CHECKING}:
        return None
    return trouble_words(lang, row.channel, row.provider_label, row.advice, row.unexplained)


def owner_left(lang: Language) -> str:
    return "❓ " + lang.say(
        "Its owner left the workspace: make it a team address if others need it, or remove it."
    )


def on_it(lang: Language, incident: Incident | None) -> list[str]:
    """Who is repairing it, so that no second person begins."""
    if incident is None or not incident.is_open or not incident.claimed_by or not incident.claimed_at:
        return []
    who, when = mention(incident.claimed_by), instant(lang, incident.claimed_at)
    return ["🙋 " + lang.say("{who} has been on it since {when}.", who=who, when=when)]


def _grey(lang: Language, row: ChannelRow) -> str:
    mark, _, words = since(lang, row).partition(" ")
    lacking = [escape(lacking_in_short(lang, row.lacking))] if row.lacking else []
    line = " · ".join([f"{mark} {inert(row.channel.address)}", *_about(lang, row), words, *lacking])
    return f"{line}\n{owner_left(lang)}" if row.owner_left else line


def since(lang: Language, row: ChannelRow) -> str:
    """Its state, and since when."""
    state = state_words(lang, row.channel, row.unexplained)
    return lang.say("{state} since {when}", state=state, when=instant(lang, row.channel.shown_since))


def _deeds(lang: Language, row: ChannelRow, primary: bool) -> list[Block]:
    """What this person should do about it, most often nothing."""
    if row.owner_left and Operation.TAKE_OVER in row.may:
        return [_button(lang, row, Operation.TAKE_OVER, primary)]
    if row.channel.state is State.DISABLED:
        first = offered(row.channel, row.may, advice=row.advice)[:1]
        return [_button(lang, row, it, primary) for it in first if it is not Operation.REMOVE]
    wanted = wants_mending(row) or (is_lacking(row) and Operation.RECONNECT in row.may)
    mending = [_button(lang, row, Operation.RECONNECT, primary)] if wanted else []
    return [*mending, *_moving(lang, row)]


def _moving(lang: Language, row: ChannelRow) -> list[Block]:
    """The way to where its mail goes, if it is one of our providers and this person may go it."""
    return following(lang, row.channel, row.mail, row.may) if row.mail is not None else []


def _rest(row: ChannelRow) -> tuple[Operation, ...]:
    """What else can be done, the least harmful first."""
    sensible = (Operation.EDIT, Operation.DISABLE, Operation.REMOVE)
    possible = {*offered(row.channel, row.may), Operation.EDIT}
    return tuple(it for it in sensible if it in row.may and it in possible)


def _button(lang: Language, row: ChannelRow, operation: Operation, primary: bool) -> Block:
    is_first = primary and operation is Operation.RECONNECT
    return operation_button(lang, operation, row.channel, primary=is_first, asks=operation in row.asks)


@dataclass(frozen=True, slots=True)
class Room:
    """How much may be shown: Slack's limits less what stands around the list."""

    blocks: int
    characters: int


_ROOMY: Final = 12
"""Up to so many inboxes each line says what to do, too."""
_REASONS: Final = 3
"""Reasons that are said once above the list, since several inboxes share them."""


def listing(lang: Language, overview: Overview, room: Room) -> list[Block]:
    """All groups, each under its heading, as far as there is room; then how many are not shown."""
    blocks, shown = _listed(lang, overview, room)
    return [*blocks, *_more(lang, overview, shown)]


def _listed(lang: Language, overview: Overview, room: Room) -> tuple[list[Block], int]:
    """The rows as far as there is room, and how many that are."""
    mend, roomy = to_mend(overview), overview.tally.total <= _ROOMY
    shared = _shared_reasons(lang, overview)
    told = frozenset(why for why, _ in shared)
    blocks: list[Block] = [context(escape(lang.together(*reason))) for reason in shared]
    shown = characters = 0
    for heading, row in _lines(lang, overview):
        lines = row_blocks(lang, row, primary=mend == row.channel.id, told=told, roomy=roomy)
        added = [*heading, *lines]
        characters += _characters(added)
        if len(blocks) + len(added) > room.blocks or characters > room.characters:
            break  # nothing is drawn that will not be shown
        blocks += added
        shown += 1
    return blocks, shown


def _shared_reasons(lang: Language, overview: Overview) -> list[tuple[str, str]]:
    """Why several do not work, and what to do: the most frequent first."""
    whys = [trouble_in(lang, row) for row in _all(overview)]
    counted = Counter((it.why, it.next_step) for it in whys if it is not None)
    return [reason for reason, number in counted.most_common(_REASONS) if number > 1]


def _all(overview: Overview) -> tuple[ChannelRow, ...]:
    return (*overview.own, *overview.team, *overview.others)


def to_mend(overview: Overview) -> ChannelId | None:
    """The one channel whose Reconnect stands out; of several none does, since none is special."""
    waiting = _waiting(overview)
    return waiting[0].channel.id if len(waiting) == 1 else None


def _waiting(overview: Overview) -> list[ChannelRow]:
    """What this person can mend."""
    return [row for row in _all(overview) if wants_mending(row)]


def summary(lang: Language, overview: Overview) -> str:
    """``🔴 1 disconnected · 🟢 11 connected``: worth a line from two channels on."""
    counts = [(state, overview.tally.of_state.get(state, 0)) for state in URGENCY]
    return " · ".join(f"{state_mark(state)} {state_count(lang, state, n)}" for state, n in counts if n)


_NEEDS_YOU: Final = 8
"""So many stand above one's own inbox, which is never pushed off the page; the others lead their group."""


def _lines(lang: Language, overview: Overview) -> Iterator[tuple[list[Block], ChannelRow]]:
    """What needs this person first, then their own inbox."""
    waiting = [*filter(wants_mending, _sorted(overview.own)), *filter(wants_mending, _sorted(overview.team))]
    needs = [*waiting, *filter(wants_mending, _sorted(overview.others))][:_NEEDS_YOU]
    shown = {row.channel.id for row in needs}
    groups = (
        (lang.say("Needs you"), needs),
        (lang.say("Your inbox"), _sorted(overview.own)),
        (lang.say("Team addresses"), _sorted(overview.team)),
        (lang.say("Other people's inboxes"), _sorted(overview.others)),
    )
    for name, rows in groups:
        rest = rows if rows is needs else [row for row in rows if row.channel.id not in shown]
        for place, row in enumerate(rest):
            yield ([section(f"*{name}*")] if place == 0 else []), row


def _sorted(rows: Iterable[ChannelRow]) -> list[ChannelRow]:
    return sorted(rows, key=lambda row: _rank(row.channel))


def _rank(channel: Channel) -> tuple[int, str]:
    return (URGENCY.index(channel.state), key_of(channel.address))


def _more(lang: Language, overview: Overview, shown: int) -> list[Block]:
    hidden = overview.tally.total - shown
    if not hidden:
        return []
    narrow = to_type(overview.command, lang.say("list"), escape(lang.say("<part of it>")))
    if overview.tally.is_open:
        return [context(lang.say("and many more: {command}", command=narrow))]
    return [context(lang.count("and {n} more: {command}", "and {n} more: {command}", hidden, command=narrow))]


def _characters(blocks: list[Block]) -> int:
    """All text in these blocks, as Slack counts it towards a message's limit."""
    total, waiting = 0, list[Block](blocks)
    while waiting:
        for name, part in waiting.pop().items():
            if isinstance(part, str):  # most parts are
                total += len(part) if name == "text" else 0
            elif isinstance(part, dict):
                waiting.append(part)
            elif isinstance(part, list):
                waiting += [one for one in part if isinstance(one, dict)]
    return total


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is watched elsewhere, for the same list."""

    blocks: tuple[Block, ...] = ()
    is_first: bool = False
    """Then it stands first: what is broken must not wait behind what works."""


NOTHING_ELSEWHERE: Final = Elsewhere()


def _all_listed(lang: Language, overview: Overview, room: Room, elsewhere: Elsewhere) -> list[Block]:
    """Both in one list."""
    theirs = list(elsewhere.blocks)
    left = Room(room.blocks - len(theirs), room.characters - _characters(theirs))
    ours = listing(lang, overview, left)
    return [*theirs, *ours] if elsewhere.is_first else [*ours, *theirs]


_ROOM = Room(blocks=MESSAGE_BLOCKS - 10, characters=7_000)
LIST_ROWS: Final = _ROOM.blocks
"""More than that are never shown."""


def overview_message(
    lang: Language, overview: Overview, *, now: datetime, elsewhere: Elsewhere = NOTHING_ELSEWHERE
) -> Message:
    """Everything that one may see; ``elsewhere``: with what stands in the same list."""
    if overview.sought:
        return _found(lang, overview, elsewhere)
    total = overview.tally.total
    said = summary(lang, overview) if total else nothing_yet(lang, overview)
    setup = setup_blocks(lang, overview.not_set_up) if overview.not_set_up else []
    intro = [context(said)] if total > 1 else [section(said)] if not total else []
    foot = context(*providers_off(lang, overview), help_hint(lang, overview.command))
    listed = _all_listed(lang, overview, _ROOM, elsewhere)
    blocks = [*setup, *intro, *listed, *_connect(lang, overview), foot]
    return message(escape(said), blocks)


def _found(lang: Language, overview: Overview, elsewhere: Elsewhere) -> Message:
    """What was looked for, and the way back to all."""
    text = inert(overview.sought, 40)
    said = (
        lang.say("Inboxes with “{text}”:", text=text)
        if overview.tally.total
        else lang.say("No inbox here has “{text}” in its address or name.", text=text)
    )
    back = actions(overview_button(lang))
    return message(said, [section(said), *_all_listed(lang, overview, _ROOM, elsewhere), *back])


def _connect(lang: Language, overview: Overview) -> list[Block]:
    """Offered at the end, and only to those who have none of their own: this is a list, not an advert."""
    if overview.tally.own or not overview.may_connect:
        return []
    return actions(connect_button(lang, primary=not _waiting(overview)))


_NAMED = 5


def setup_blocks(lang: Language, card: SetupCard, *, leads_on: bool = False) -> list[Block]:
    """A checklist for a super admin; for everybody else whom to ask. ``leads_on``: the steps below name the
    next one."""
    if not card.is_for_admin:
        return [section(_not_yet(lang, card)), divider()]
    first = [] if leads_on else ["☐ " + lang.say("Connect the first inbox")]
    lines = "\n".join([bold(lang.say("Set up Inboxkeeper")), *_setup_lines(lang, card), *first])
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
        pages = _only_here(lang, card.base_url)
    return [
        "✅ " + lang.say("Slack connected"),
        ("⚠️ " if card.loopback_only else "✅ ") + pages,
        _client(lang, card, "google", is_on=card.google_on),
        _client(lang, card, "microsoft", is_on=card.microsoft_on),
    ]


def _only_here(lang: Language, url: str) -> str:
    return lang.say(
        "Pages open at {url}: only on the machine that runs Inboxkeeper. That will do to try it; for others, "
        "set INBOXKEEPER_BASE_URL to an address that opens in their browsers.",
        url=inert(url, 200),
    )


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


HOME_ROWS: Final = 25
"""On one page: with a button each and all that may stand around them, they fit into Slack's limit."""
_MOST_SKIPPED: Final = 1_000
"""Nobody turns more pages than that: a search leads there."""
_SEARCHED_FROM: Final = 12
"""With fewer inboxes there is nothing to search."""
HOME_SEARCH: Final = "home.search"
HOME_STATE: Final = "home.state"
HOME_ALL: Final = "home.all"
HOME_PREVIOUS: Final = "home.previous"
HOME_NEXT: Final = "home.next"
"""The last two carry the whole choice: how many to skip, the state and the text."""
_SEARCH_BLOCK: Final = "home_search"
_STATE_BLOCK: Final = "home_state"
"""With the number of the turn: for as long as a block has the same name, Slack keeps what was typed in it."""
_ANY: Final = "any"


def home(lang: Language, overview: Overview, *, elsewhere: Elsewhere = NOTHING_ELSEWHERE) -> View:
    """The tab; ``elsewhere``: with what stands in the same list, on its first page. Not yet ``stamped``."""
    is_plain = overview.browse.is_plain
    card, leads_on = overview.not_set_up, overview.first_hour is not None
    setup = setup_blocks(lang, card, leads_on=leads_on) if card and is_plain else []
    first_hour = first_hour_blocks(lang, overview)
    # Whoever was woken by an alarm, or is waited for, looks for that, not for what can wait until tomorrow.
    is_calm = not _waiting(overview) and not overview.to_answer
    above = [
        *setup,
        *(first_hour if is_calm else []),
        header(lang.say("Inboxes")),
        *_intro(lang, overview),
        *_head(lang, overview),
        *_finder(lang, overview),
        *(request_blocks(lang, overview) if is_plain else []),
    ]
    foot = [*([] if is_calm or not first_hour else [divider(), *first_hour[:-1]]), *_foot(lang, overview)]
    theirs = list(elsewhere.blocks) if is_plain else []
    room = Room(HOME_BLOCKS - len([*above, *theirs, *foot]) - _PAGER, characters=60_000)
    ours, shown = _listed(lang, overview, room)
    rows = [*theirs, *ours] if elsewhere.is_first else [*ours, *theirs]
    return {"type": "home", "blocks": [*above, *rows, *_pager(lang, overview, shown), *foot]}


def stamped(view: View, browse: Browse, at: datetime) -> View:
    """A Home that says of itself what its reader chose, and when it was drawn."""
    return {**view, "private_metadata": drawn_text(browse, at)}


FIRST_HOUR_OVER: Final = "home.first_hour.over"
_PAGER: Final = 2


def first_hour_blocks(lang: Language, overview: Overview) -> list[Block]:
    """Day one, step by step: what is left has a button, what is done is one quiet line."""
    steps = overview.first_hour
    if steps is None:
        return []
    done = [words for is_done, words, _ in _steps(lang, steps) if is_done]
    left = [section(f"☐ {words}", way) for is_done, words, way in _steps(lang, steps) if not is_done]
    ticked = [context("  ".join(f"✅ {words.splitlines()[0]}" for words in done))] if done else []
    # The card before the first inbox says this as well.
    is_said = overview.not_set_up is not None or not overview.only_here
    here = [] if is_said else [context("⚠️ " + _only_here(lang, overview.only_here))]
    hide = actions(button(lang.say("Hide these steps"), FIRST_HOUR_OVER))
    kept = context("🔑 " + _key_kept(lang))
    return [section(bold(lang.say("The first hour"))), *left, *ticked, *here, kept, *hide, divider()]


def _key_kept(lang: Language) -> str:
    """What no check can see, and nobody thinks of before it is too late."""
    return lang.say(
        "Ask whoever runs Inboxkeeper whether its encryption key and its backups are kept in two places. "
        "Without that key, every inbox has to be connected again."
    )


def _steps(lang: Language, steps: FirstHour) -> tuple[tuple[bool, str, Block | None], ...]:
    """Each with whether it is done, its words, and the way to it."""
    team = steps.team
    edit = operation_button(lang, Operation.EDIT, team) if team else None
    drill = lang.say("Run a drill")
    rehearse = typed_button(drill, f"drill {team.address}", about=team.address) if team else None
    waits = lang.say("This needs a team address, so connect one first.")
    return (
        (
            steps.has_team,
            lang.say("Connect a team address")
            + "\n"
            + lang.say("Such as support@: the one that must not stop."),
            button(lang.say("Connect an inbox"), CONNECT, about=lang.say("Connect a team address")),
        ),
        (
            steps.has_conversation,
            lang.say("Choose the conversation that is told")
            + "\n"
            + (lang.say("It gets one line about each outage, kept up to date.") if team else waits),
            edit,
        ),
        (
            steps.has_second_admin,
            lang.say("Have a second super admin")
            + "\n"
            + lang.say("So that somebody is told when you are away."),
            button(lang.say("Admins"), ADMINS, about=lang.say("Have a second super admin")),
        ),
        (
            steps.has_rehearsed,
            drill
            + "\n"
            + (
                lang.say("See who would be told, and in which words. Nobody gets a message.")
                if team
                else waits
            ),
            rehearse,
        ),
    )


def _finder(lang: Language, overview: Overview) -> list[Block]:
    """A field to look for some of many, and a choice of state."""
    browse = overview.browse
    if overview.tally.total <= _SEARCHED_FROM and not browse.is_narrowed:
        return []
    field: Block = {
        "type": "plain_text_input",
        "action_id": HOME_SEARCH,
        "max_length": LONGEST,
        "placeholder": plain(lang.say("A part of its address or name, then Enter")),
        "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
    }
    if browse.text:
        field["initial_value"] = browse.text
    search: Block = {
        "type": "input",
        "block_id": f"{_SEARCH_BLOCK}:{browse.turn}",
        "dispatch_action": True,
        "optional": True,
        "label": plain(lang.say("Find an inbox")),
        "element": field,
    }
    back = [button(lang.say("Show all inboxes"), HOME_ALL)] if browse.is_narrowed else []
    [choice] = actions(_states(lang, overview), *back)
    return [search, {**choice, "block_id": f"{_STATE_BLOCK}:{browse.turn}"}]


def _states(lang: Language, overview: Overview) -> Block:
    """All, or those of one state that there are."""
    counted = [(it, overview.tally.of_state.get(it, 0)) for it in URGENCY]
    options = [(lang.say("All states"), _ANY)]
    options += [
        (f"{state_mark(it)} {state_count(lang, it, n)}", it.value)
        for it, n in counted
        if n or it is overview.browse.state
    ]
    chosen = select(lang.say("State"), HOME_STATE, options)
    wanted = overview.browse.state.value if overview.browse.state else _ANY
    initial = next(it for it in chosen["options"] if it["value"] == wanted)
    return {**chosen, "initial_option": initial}


def _pager(lang: Language, overview: Overview, shown: int) -> list[Block]:
    """Where in the list one is, and the ways to the other pages."""
    browse = overview.browse
    before, after = max(0, browse.skip - HOME_ROWS), browse.skip + shown
    pages = [button(lang.say("Previous"), HOME_PREVIOUS, value=browse_text(replace(browse, skip=before)))]
    if not shown:
        back = actions(*pages) if browse.skip else []  # what stood here has gone since
        return [section(_nothing_found(lang, overview)), *back] if not browse.is_plain else []
    has_next = overview.has_more or shown < len(_all(overview))
    if not has_next and not browse.skip:
        return []
    following = [button(lang.say("Next page"), HOME_NEXT, value=browse_text(replace(browse, skip=after)))]
    is_far = has_next and after >= _MOST_SKIPPED
    turns = [*(pages if browse.skip else []), *(following if has_next and not is_far else [])]
    lines = [_place(lang, overview, browse.skip + 1, after)]
    lines += [lang.say("For what comes later, search or choose a state.")] if is_far else []
    return [context("\n".join(lines)), *actions(*turns)]


def _place(lang: Language, overview: Overview, first: int, last: int) -> str:
    """Of how many is known where nothing was typed."""
    browse = overview.browse
    if browse.text:
        return lang.say("Inboxes {first} to {last}", first=first, last=last)
    total = overview.tally.of_state.get(browse.state, 0) if browse.state else overview.tally.total
    of = counted(max(total, last))
    return lang.say("Inboxes {first} to {last} of {total}", first=first, last=last, total=of)


def _nothing_found(lang: Language, overview: Overview) -> str:
    text = inert(overview.browse.text, 40)
    if not text:
        return lang.say("There is nothing here any more.")
    if overview.browse.state:
        return lang.say("No inbox in this state has “{text}” in its address or name.", text=text)
    return lang.say("No inbox here has “{text}” in its address or name.", text=text)


def browse_text(browse: Browse) -> str:
    """What the button to a page carries."""
    return f"{browse.skip}:{browse.state.value if browse.state else _ANY}:{browse.text}"


def parse_browse(value: str) -> Browse:
    """The choice that ``browse_text`` wrote; for anything else all."""
    skip, _, rest = value.partition(":")
    state, _, text = rest.partition(":")
    return Browse(text, _state(state), int(skip)) if re.fullmatch("[0-9]{1,6}", skip) else Browse()


def drawn_text(browse: Browse, at: datetime) -> str:
    """What a Home says of itself: what its reader chose, and when it was drawn."""
    return f"{at.isoformat()}|{browse.turn}|{browse_text(browse)}"


def parse_drawn(text: object) -> tuple[Browse, datetime] | None:
    """What ``drawn_text`` wrote; ``None`` for anything else."""
    at, _, rest = text.partition("|") if isinstance(text, str) else ("", "", "")
    turn, _, chosen = rest.partition("|")
    try:
        drawn_at = datetime.fromisoformat(at)
    except ValueError:
        return None
    if drawn_at.tzinfo is None or not re.fullmatch("[0-9]{1,6}", turn):
        return None
    return replace(parse_browse(chosen), turn=int(turn)), drawn_at


def chosen_browse(fields: Mapping[str, str]) -> Browse:
    """What stands in the field and the menu, by block id; its turn follows the one that was drawn."""
    said = {block.partition(":")[0]: value for block, value in fields.items()}
    turns = [block.partition(":")[2] for block in fields if block.startswith((_SEARCH_BLOCK, _STATE_BLOCK))]
    turn = max((int(it) for it in turns if re.fullmatch("[0-9]{1,6}", it)), default=0) + 1
    return Browse(said.get(_SEARCH_BLOCK, ""), _state(said.get(_STATE_BLOCK, "")), turn=turn)


def _state(value: str) -> State | None:
    """The chosen state; ``None`` for all."""
    return State(value) if value in set(State) else None


_REQUESTS: Final = 5
"""Of each kind are shown, and the others counted."""


def request_blocks(lang: Language, overview: Overview) -> list[Block]:
    """What waits for this person's answer, and what they wait for: messages about it scroll away."""
    asked = [section(_asked(lang, it), _own_way(lang, it)) for it in overview.asked[:_REQUESTS]]
    answers = [
        block
        for it in overview.to_answer[:_REQUESTS]
        for block in (section(_wish(lang, it)), *actions(*map(_quiet, approve_buttons(lang, it))))
    ]
    return [
        *_counted(lang, lang.say("Waiting for you"), answers, len(overview.to_answer)),
        *_counted(lang, lang.say("You asked for"), asked, len(overview.asked)),
    ]


def _counted(lang: Language, name: str, blocks: list[Block], number: int) -> list[Block]:
    rest = number - _REQUESTS
    more = [context(lang.count("{n} more request", "{n} more requests", rest))] if rest > 0 else []
    return [section(bold(lang.bracketed(name, number))), *blocks, *more] if blocks else []


def _wish(lang: Language, request: Request) -> str:
    """Who asks for what, and why."""
    who, until = mention(request.requester), instant(lang, request.expires_at)
    reason = inert(request.reason, 200)
    lines = [
        f"⏳ *{escape(requested_change_words(lang, request.requested_change))}*",
        lang.say("{who} asks for this. An admin has until {when} to answer.", who=who, when=until),
        lang.say("Reason: {reason}", reason=lang.quoted(reason)) if reason else "",
    ]
    return "\n".join(filter(None, lines))


def _asked(lang: Language, request: Request) -> str:
    until = instant(lang, request.expires_at)
    if request.state is RequestState.APPROVED:
        waits = lang.say("Approved. You have until {when} to continue.", when=until)
    elif request.awaits is Awaits.TENANT:
        at = inert(company(provider_of(request.requested_change.provider)), 40)
        waits = lang.say(
            "Waiting for your organisation's {company} admin, until {when}.", company=at, when=until
        )
    else:
        waits = lang.say("Waiting for an admin, until {when}.", when=until)
    return f"⏳ *{escape(requested_change_words(lang, request.requested_change))}*\n{waits}"


def _own_way(lang: Language, request: Request) -> Block:
    return _quiet(go_on_button(lang, request)) if request.may_go_on else cancel_button(lang, request)


def _quiet(button: Block) -> Block:
    """None of many stands out; what cannot be taken back still does."""
    return {key: it for key, it in button.items() if (key, it) != ("style", "primary")}


def _intro(lang: Language, overview: Overview) -> list[Block]:
    if not overview.tally.total:
        return [section(nothing_yet(lang, overview))]
    return [context(summary(lang, overview))] if overview.tally.total > 1 else []


def nothing_yet(lang: Language, overview: Overview) -> str:
    """What an empty overview says: how to begin, if this person can."""
    if overview.may_connect:
        return lang.say("Nothing is connected yet. Connect your inbox: it takes a minute.")
    return lang.say("Nothing is connected yet.")


def _head(lang: Language, overview: Overview) -> list[Block]:
    """What one comes here for that is about no inbox."""
    connect = (
        [connect_button(lang, primary=not overview.tally.own and not _waiting(overview))]
        if overview.may_connect
        else []
    )
    rest = [(lang.say("Permissions"), f"{PERMISSIONS_ALL} ")]
    rest += [(lang.say("Availability"), f"{REPORT} ")] if overview.tally.total else []
    rest += [(lang.say("Export the history"), f"{EXPORT} ")] if overview.may_export else []
    return actions(*connect, button(lang.say("Admins"), ADMINS), button(lang.say("Help"), HELP), *menu(rest))


def _foot(lang: Language, overview: Overview) -> list[Block]:
    return [context(*providers_off(lang, overview), help_hint(lang, overview.command))]


def providers_off(lang: Language, overview: Overview) -> list[str]:
    if not overview.providers_off:
        return []
    names = lang.listed(inert(label, 40) for label in overview.providers_off)
    return [lang.say("Not available yet, because no client is configured: {providers}.", providers=names)]


def help_hint(lang: Language, command: str) -> str:
    verb = lang.say("help")  # apart: what is inside another sentence is not found for the catalogue
    return lang.say("{command} shows all that you can do.", command=to_type(command, verb))
