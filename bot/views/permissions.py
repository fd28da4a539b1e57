"""Permissions in plain words: what is asked for and why, what was granted, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bot.domain.access import Operation
from bot.domain.features import Feature
from bot.domain.grant import lacking
from bot.domain.view_models import (
    LACKING_SHOWN,
    MOST_COUNTED,
    Ask,
    ChannelPermissions,
    ChannelRow,
    PermissionsOverview,
)
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    context,
    escape,
    fitting,
    inert,
    instant,
    message,
    paragraphs,
    section,
)
from bot.views.buttons import connect_button, operation_button, overview_button
from bot.views.home import title
from bot.views.i18n import Language
from bot.views.wording import (
    company,
    feature_names,
    lacking_in_short,
    lacking_words,
    scope_lines,
    scope_words,
    state_words,
)

_ROOM: Final = 4_500
"""Characters for all permissions together: a message holds 10,000."""
_ROWS_ROOM = 2_500
_GRANTED, _MISSING = "✅", "⚠️"


def permission_blocks(
    lang: Language, scopes: Iterable[str], features: Sequence[Feature], *, room: int = _ROOM
) -> list[Block]:
    """What a provider will ask for, before it does."""
    lines = [_line("•", what, why) for what, why in scope_lines(lang, scopes, features)]
    return _fitted(lang, lines, room)


def channel_permissions_message(lang: Language, shown: ChannelPermissions) -> Message:
    """One inbox: each permission with its reason, and whether it was granted."""
    row = shown.row
    blocks = [
        section(f"{title(lang, row)}\n{state_words(lang, row.channel, row.unexplained)}"),
        *_compared(lang, shown),
        section(_verdict(lang, shown)),
        *_elsewhere(lang, shown.ask),
        *actions(*_ways(lang, shown), operation_button(lang, Operation.SEE, row.channel)),
    ]
    return message(lang.say("Permissions of {address}", address=inert(row.channel.address)), blocks)


def permissions_message(lang: Language, shown: PermissionsOverview) -> Message:
    """What is asked of whom, and the inboxes that somebody has to consent for again."""
    room = _ROOM // max(len(shown.asks), 1)
    asks = [block for ask in shown.asks for block in _asked(lang, ask, room)]
    texts = fitting([_lacking(lang, row) for row in shown.lacking[:LACKING_SHOWN]], _ROWS_ROOM)
    lacking = [section(text, _way(lang, row)) for text, row in zip(texts, shown.lacking, strict=False)]
    rest = shown.lacking_number - len(texts)
    said = (
        lang.say("and many more")
        if shown.lacking_number > MOST_COUNTED
        else lang.count("and {n} more", "and {n} more", rest)
    )
    more = [context(said)] if rest > 0 else []
    return message(lang.say("What is asked for, and why"), [*asks, *lacking, *more, *_roles(lang, shown)])


# --- one inbox


def _compared(lang: Language, shown: ChannelPermissions) -> list[Block]:
    heading = bold(lang.say("Permissions"))
    if shown.granted_at is not None:
        heading += "\n" + lang.say("Granted {when}", when=instant(lang, shown.granted_at))
    lines = list(_marked(lang, shown))
    return [section(heading), *_fitted(lang, lines, _ROOM)] if lines else []


def _marked(lang: Language, shown: ChannelPermissions) -> Iterator[str]:
    """What reads the same is one line, and granted only if all of it is."""
    missing = {
        scope_words(lang, scope, shown.ask.features) for scope in lacking(shown.ask.scopes, shown.granted)
    }
    for words in scope_lines(lang, shown.ask.scopes | shown.granted, shown.ask.features):
        yield _line(_MISSING if words in missing else _GRANTED, *words)


def _verdict(lang: Language, shown: ChannelPermissions) -> str:
    at = company(shown.ask.provider_label)
    if not shown.ask.scopes:
        return _whole(lang, at)
    if shown.row.lacking:
        return escape(lacking_words(lang, shown.row.lacking, at))
    if lacking(shown.ask.scopes, shown.granted):
        return lang.say("What is marked {mark} is missing. Reconnect to grant it.", mark=_MISSING)
    return lang.say("Every permission has been granted.")


def _elsewhere(lang: Language, ask: Ask) -> list[Block]:
    if not ask.asking_nothing:
        return []
    names = escape(feature_names(lang, ask.asking_nothing))
    at = inert(company(ask.provider_label), 40)
    return [context(lang.say("These ask for nothing at {company}: {features}.", company=at, features=names))]


def _whole(lang: Language, at: str) -> str:
    return lang.say(
        "{company} has no separate permissions: a password opens the whole mailbox.", company=inert(at, 40)
    )


def _ways(lang: Language, shown: ChannelPermissions) -> list[Block]:
    row = shown.row
    helps = row.lacking or row.channel.needs_reconnect or lacking(shown.ask.scopes, shown.granted)
    if not helps or Operation.RECONNECT not in row.may:
        return []
    return [operation_button(lang, Operation.RECONNECT, row.channel, primary=True)]


# --- all of them


def _asked(lang: Language, ask: Ask, room: int) -> list[Block]:
    at = inert(company(ask.provider_label), 40)
    if not ask.scopes:
        return [section(_whole(lang, ask.provider_label)), *_elsewhere(lang, ask)]
    heading = section(bold(lang.say("{company} asks you to allow all of this at once:", company=at)))
    scopes = ask.scopes | ask.sign_in_scopes
    return [heading, *permission_blocks(lang, scopes, ask.features, room=room), *_elsewhere(lang, ask)]


def _lacking(lang: Language, row: ChannelRow) -> str:
    return f"{title(lang, row)}\n{escape(lacking_in_short(lang, row.lacking))}"


def _way(lang: Language, row: ChannelRow) -> Block | None:
    """Side by side none stands out."""
    return (
        operation_button(lang, Operation.RECONNECT, row.channel) if Operation.RECONNECT in row.may else None
    )


def _roles(lang: Language, shown: PermissionsOverview) -> list[Block]:
    if not shown.lacking_number and not shown.complete:
        return [context(lang.say("Nothing is connected yet.")), *actions(connect_button(lang))]
    said = (
        lang.say("More than {most} inboxes have all that is asked for.", most=f"{MOST_COUNTED:,}")
        if shown.complete > MOST_COUNTED
        else lang.count(
            "{n} inbox has all that is asked for.", "{n} inboxes have all that is asked for.", shown.complete
        )
    )
    return [*([context(said)] if shown.complete else []), *actions(overview_button(lang))]


# --- lines


def _line(mark: str, what: str, why: str) -> str:
    return f"{mark} *{inert(what, 100)}*\n      {inert(why, 400)}"


def _fitted(lang: Language, lines: Sequence[str], room: int) -> list[Block]:
    kept = fitting(lines, room)
    rest = len(lines) - len(kept)
    more = [context(lang.count("and {n} more", "and {n} more", rest))] if rest > 0 else []
    return [*(section(text) for text in paragraphs(kept)), *more]
