"""One channel, both sides: who, what for, what is proven, what is wrong, and what can be done now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.access import Operation
from bot.domain.address import NOWHERE
from bot.domain.api_key import OwnerAnswer
from bot.domain.channel import Cause, State
from bot.domain.ids import UserId
from bot.domain.provider_outage import is_held
from bot.domain.request import Awaits, Request, RequestState
from bot.domain.view_models import ChannelRow, ChannelStatus, Mail, ProgramUse
from bot.views.availability import availability_blocks
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    context,
    escape,
    fields,
    fitting,
    inert,
    instant,
    mention,
    message,
    paragraphs,
    section,
)
from bot.views.buttons import (
    cancel_button,
    key_buttons,
    offered,
    operation_button,
    overview_button,
    status_menu,
    why_button,
)
from bot.views.home import is_lacking, on_it, owner_left, since, title
from bot.views.i18n import Language
from bot.views.wording import (
    cause_words,
    company,
    is_refused_once,
    lacking_words,
    mail_words,
    place_words,
    provider_of,
    record_words,
    requested_change_words,
    scope_lines,
    state_words,
    trouble_words,
    way_words,
)

_RECENT = 5
_SCOPES = 12
_SCOPES_ROOM = 2_500
"""Characters."""
_REQUESTS = 5


def status_message(
    lang: Language, status: ChannelStatus, *, now: datetime, viewer: UserId | None = None
) -> Message:
    """``viewer`` can cancel what they have asked for themselves."""
    row, channel = status.row, status.row.channel
    state = state_words(lang, channel, row.unexplained)
    blocks = [
        _both_sides(lang, status),
        *_trouble(lang, status, now),
        *([section(owner_left(lang))] if row.owner_left else []),
        *_moved(lang, status),
        *_lacking(lang, row),
        *_buttons(lang, row),
        *_requests(lang, status, viewer),
        context(*_details(lang, status)),
        *availability_blocks(lang, status, now),
        *programs(lang, status.programs),
        *_keys(lang, status),
        *_history(lang, status),
    ]
    return message(
        lang.say("{address}: {state}", address=inert(channel.address), state=escape(state)), blocks
    )


def _trouble(lang: Language, status: ChannelStatus, now: datetime) -> list[Block]:
    channel, incident = status.row.channel, status.incident
    if channel.state in {State.CONNECTED, State.REMOVED} or (
        channel.state is State.DISABLED and not channel.needs_reconnect
    ):
        return []
    if incident and channel.state is State.DISCONNECTED:
        why = cause_words(lang, incident.cause, status.row.provider_label, channel.said)
    else:
        why = trouble_words(
            lang, channel, status.row.provider_label, status.row.advice, status.row.unexplained
        )
    way = "" if status.row.owner_left else why.next_step
    lines = [escape(lang.together(why.why, way)), *on_it(lang, incident)]
    # A disconnected inbox has said since when already.
    if incident and incident.resolved_at is None and channel.state is not State.DISCONNECTED:
        lines.append(
            lang.say(
                "Outage: began {when} ({span} ago).",
                when=instant(lang, incident.opened_at),
                span=lang.lasting(now - incident.opened_at),
            )
        )
    return [section("\n".join(lines))]


def _moved(lang: Language, status: ChannelStatus) -> list[Block]:
    """A warning, since nothing else would show it: the grant works, and no mail arrives."""
    mail, channel = status.mail, status.row.channel
    if mail is None or not mail.has_left or channel.state in {State.DISABLED, State.REMOVED}:
        return []
    told = lang.together(mail_words(lang, mail), way_words(lang, mail, channel.provider))
    return [section(f"📭 {escape(told)}")]


def _both_sides(lang: Language, status: ChannelStatus) -> Block:
    """The inbox, and beside each other how it is here and at its provider."""
    at = lang.say("At {company}", company=inert(company(status.row.provider_label), 40))
    sides = ((lang.say("Here"), since(lang, status.row)), (at, _there(lang, status)))
    return section(title(lang, status.row)) | fields(*(f"*{name}*\n{said}" for name, said in sides))


def _details(lang: Language, status: ChannelStatus) -> list[str]:
    """What one looks up now and then: quiet, and nothing that is empty."""
    channel = status.row.channel
    facts = [
        *([(lang.say("Used for"), use)] if (use := inert(channel.use, 200)) else []),
        *_people(lang, status),
        (lang.say("Next check"), _next(lang, status)),
        *([(lang.say("New mail goes to"), _mail(lang, mail))] if (mail := status.mail) else []),
        *([(lang.say("Shared mailbox, opened with"), inert(status.delegate))] if status.delegate else []),
        *([(lang.say("Permissions"), allowed)] if (allowed := _permissions(lang, status)) else []),
    ]
    return paragraphs([f"{bold(name)}  {fact}" for name, fact in facts])


def _people(lang: Language, status: ChannelStatus) -> list[tuple[str, str]]:
    """Whose it is and who brought it here: of one and the same person once."""
    owner, connected = status.row.channel.owner_id, _connected_by(lang, status)
    if owner == status.connected_by:
        return [(lang.say("Connected by"), connected)]
    whose = mention(owner) if owner else lang.say("the team")
    return [(lang.say("Owner"), whose), (lang.say("Connected by"), connected)]


def _mail(lang: Language, mail: Mail) -> str:
    place = inert(place_words(lang, mail), 80)
    if mail.is_home or mail.place == NOWHERE:
        return place
    return lang.say("{place}, not where it is connected", place=place)


def _there(lang: Language, status: ChannelStatus) -> str:
    row, channel = status.row, status.row.channel
    if channel.needs_reconnect:
        return lang.say("access refused by the provider")
    if row.last_ok_at is None:
        return lang.say("not confirmed yet")
    when = instant(lang, row.last_ok_at)
    if is_refused_once(channel) or row.unexplained is not None:
        return lang.say("access refused, last confirmed {when}", when=when)
    if channel.state is State.IMPAIRED and channel.cause is Cause.CHECKING:
        return lang.say("being checked, last confirmed {when}", when=when)
    if channel.state in {State.IMPAIRED, State.REMOVED}:
        return lang.say("cannot be checked right now, last confirmed {when}", when=when)
    return lang.say("working, last confirmed {when}", when=when)


def _connected_by(lang: Language, status: ChannelStatus) -> str:
    """Who brought it here, and when: whoever signs in again later is in the history."""
    when = instant(lang, status.row.channel.created_at)
    return lang.say("{who}, {when}", who=mention(status.connected_by), when=when)


def _next(lang: Language, status: ChannelStatus) -> str:
    return instant(lang, status.next_probe_at) if status.next_probe_at else lang.say("none")


def _permissions(lang: Language, status: ChannelStatus) -> str:
    """Their names; the reasons are a press away."""
    names = dict.fromkeys(inert(what, 100) for what, _ in scope_lines(lang, status.scopes, status.features))
    return lang.listed(fitting(list(names)[:_SCOPES], _SCOPES_ROOM))


def _lacking(lang: Language, row: ChannelRow) -> list[Block]:
    """Quietly: the inbox works."""
    if not is_lacking(row):
        return []
    return [section("⚠️ " + escape(lacking_words(lang, row.lacking, company(row.provider_label))))]


def _requests(lang: Language, status: ChannelStatus, viewer: UserId | None) -> list[Block]:
    """What people wait for; whoever asked can take it back."""
    return [
        section(
            _request(lang, request),
            cancel_button(lang, request) if request.requester == viewer else None,
        )
        for request in status.requests[:_REQUESTS]
    ]


def _request(lang: Language, request: Request) -> str:
    return f"⏳ *{escape(requested_change_words(lang, request.requested_change))}*\n{_awaited(lang, request)}"


def _awaited(lang: Language, request: Request) -> str:
    who, until = mention(request.requester), instant(lang, request.expires_at)
    if request.state is RequestState.APPROVED:
        return lang.say(
            "{who} asked for this. It is approved; they have until {when} to sign in.",
            who=who,
            when=until,
        )
    if request.awaits is Awaits.TENANT:
        return lang.say(
            "{who} asks for this. Your organisation's {company} admin has until {when} to approve it.",
            who=who,
            company=inert(company(provider_of(request.requested_change.provider)), 40),
            when=until,
        )
    return lang.say("{who} asks for this. An admin has until {when} to answer.", who=who, when=until)


def _history(lang: Language, status: ChannelStatus) -> list[Block]:
    lines = [
        f"{instant(lang, record.at)} {words}{f' · {mention(record.actor)}' if record.actor else ''}"
        for record in status.recent
        if (words := escape(record_words(lang, record)))
    ]
    return [context("\n".join(lines[:_RECENT]))] if lines else []


def _buttons(lang: Language, row: ChannelRow) -> list[Block]:
    """The one thing to do, if there is one, the evidence, and all else in a small menu."""
    first, rest = _deeds(row)
    shown = [_button(lang, row, it) for it in first]
    menu, left = status_menu(lang, row, rest)
    return actions(*shown, why_button(lang, row.channel), *left, *menu, overview_button(lang))


def _deeds(row: ChannelRow) -> tuple[tuple[Operation, ...], tuple[Operation, ...]]:
    """What stands out, and what else can be done, the least harmful first."""
    channel = row.channel
    wanted = offered(channel, row.may, is_lacking=bool(row.lacking), advice=row.advice)
    first: tuple[Operation, ...] = tuple(
        it for it in wanted[:1] if it in {Operation.RECONNECT, Operation.ENABLE}
    )
    if row.owner_left and Operation.TAKE_OVER in row.may:
        first = (Operation.TAKE_OVER,)
    possible = {*wanted, Operation.EDIT}
    # While many are refused at once, signing in anew is the wrong thing to do.
    if channel.state is not State.REMOVED and not is_held(channel):
        possible |= {Operation.RECONNECT, Operation.SWITCH}
    if channel.is_personal and not row.is_own:
        possible.add(Operation.TAKE_OVER)
    rest = tuple(it for it in _REST if it in possible and it in row.may and it not in first)
    return first, rest


_REST: Final = (
    Operation.EDIT,
    Operation.RECONNECT,
    Operation.ENABLE,
    Operation.SWITCH,
    Operation.TAKE_OVER,
    Operation.DISABLE,
    Operation.REMOVE,
)


def _button(lang: Language, row: ChannelRow, operation: Operation) -> Block:
    is_first = operation is Operation.RECONNECT and row.channel.state is State.DISCONNECTED
    return operation_button(lang, operation, row.channel, primary=is_first, asks=operation in row.asks)


def _keys(lang: Language, status: ChannelStatus) -> list[Block]:
    """What its owner has said of programs' keys that name it, and can say: first those that wait, since they
    are let in by nobody else."""
    channel, blocks = status.row.channel, list[Block]()
    named = [(key, asked) for key in status.keys if (asked := key.asked.get(channel.id)) is not None]
    named.sort(key=lambda one: _ANSWERS.index(one[1].answer))
    for key, asked in named[:_LINES]:
        program = inert(key.name, 60)
        said = {
            OwnerAnswer.WAITS: lang.say("The program {program} waits for your word.", program=program),
            OwnerAnswer.ALLOWED: lang.say(
                "You allowed the program {program} to use this inbox.", program=program
            ),
            OwnerAnswer.DECLINED: lang.say("The program {program} may not use this inbox.", program=program),
        }[asked.answer]
        blocks += [section("🔑 " + said), *actions(*key_buttons(lang, key, channel))]
    if (rest := len(named) - _LINES) > 0:
        more = lang.count(
            "and {n} more, in the message that asked you",
            "and {n} more, each in the message that asked you",
            rest,
        )
        blocks.append(section("🔑 " + more))
    return blocks


_LINES: Final = 6
_ANSWERS: Final = (OwnerAnswer.WAITS, OwnerAnswer.ALLOWED, OwnerAnswer.DECLINED)


def programs(lang: Language, uses: Sequence[ProgramUse]) -> list[Block]:
    """The latest first; nothing where no program has asked."""
    if not uses:
        return []
    lines = [_line(lang, one) for one in uses[:_LINES]]
    if (rest := len(uses) - _LINES) > 0:
        lines.append(lang.count("and {n} more", "and {n} more", rest))
    return [section("\n".join([bold(lang.say("Programs that use it")), *lines]))]


def _line(lang: Language, use: ProgramUse) -> str:
    said = {
        "program": inert(use.program, 60),
        "audience": use.audience.upper(),
        "when": instant(lang, use.last_at),
    }
    if use.was_given:
        return "• " + lang.say("{program} ({audience}): was given access, last {when}", **said)
    return "• " + lang.say("{program} ({audience}): was refused access, last {when}", **said)
