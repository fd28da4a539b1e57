"""The buttons that act on a channel: their ids, labels, and when each is offered.

The one rule: a button stands only where its operation is both allowed to this person and possible now.
"""

# ruff: noqa: PLR0911 - one return per case is how a closed set reads best

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.access import Operation
from bot.domain.address import LONGEST
from bot.domain.api_key import ApiKey, OwnerAnswer
from bot.domain.channel import Channel, State
from bot.domain.ids import ApiKeyId, ChannelId, GrantId
from bot.domain.provider_outage import Advice
from bot.domain.provider_traits import may_switch
from bot.domain.request import Request
from bot.domain.view_models import ChannelRow, Mail
from bot.views.blocks import Block, button, dialog, plain, value_of
from bot.views.i18n import Language
from bot.views.text import clip, shown

CONNECT: Final = "channel.connect"
"""May carry an address."""
STATUS: Final = "channel.status"
"""Carries the channel and its version, like every id below that begins with ``channel.``."""
DISCONNECT: Final = "channel.disconnect"
DISABLE: Final = "channel.disable"
ENABLE: Final = "channel.enable"
REMOVE: Final = "channel.remove"
RECONNECT: Final = "channel.reconnect"
WHY: Final = "incident.why"
"""Carries the channel and its version."""
OVERVIEW: Final = "overview.list"
CHECK: Final = "revocation.check"
"""Carries a grant's id."""
PERMISSIONS: Final = "channel.permissions"
EDIT: Final = "channel.edit"
TAKE_OVER: Final = "channel.take_over"
SWITCH: Final = "channel.switch"
"""To the provider that its value names, or else to the only one there is."""
PLACES: Final = ("google", "microsoft", "imap")
"""Keys of the providers that an inbox can be at."""
SWITCH_ANY: Final = tuple(f"{SWITCH}.{key}" for key in PLACES)
"""The same, where there are several beside each other."""
APPROVE: Final = "request.approve"
"""Carries a request's id, like every id that begins with ``request.``."""
DECLINE: Final = "request.decline"
DECLINE_UNDO: Final = "request.decline.undo"
CANCEL: Final = "request.cancel"
GO_ON: Final = "request.go_on"

KEYS: Final = "keys.show"
"""Carries how many rows of the list come before."""
WEBHOOKS: Final = "webhooks.show"
"""The same of the list of webhooks."""
KEY_ALLOW: Final = "key.allow"
"""Carries a key's id and a channel's (``abcd1234:c1``), like every id that begins with ``key.``."""
KEY_DECLINE: Final = "key.decline"
KEY_NOT_ME: Final = "key.not_me"

MORE: Final = "more"
"""A menu: each choice carries the action id that it stands for, and what that is about."""
ADMINS: Final = "overview.admins"
HELP: Final = "overview.help"
PERMISSIONS_ALL: Final = "overview.permissions"
EXPORT: Final = "overview.export"
REPORT: Final = "overview.report"
REPORT_FILE: Final = "report.file"
REPORT_MONTHLY: Final = "report.monthly"
"""Carries whether it is to be sent."""
DRILL: Final = "channel.drill"
TYPED: Final = "typed"
"""Carries what one would type after the command."""
CHOICES: Final = frozenset(
    {
        STATUS,
        WHY,
        EDIT,
        DISCONNECT,
        DISABLE,
        ENABLE,
        REMOVE,
        RECONNECT,
        SWITCH,
        PERMISSIONS,
        TAKE_OVER,
        DRILL,
        PERMISSIONS_ALL,
        EXPORT,
        REPORT,
    }
)
"""What a menu may stand for."""


def offered(
    channel: Channel, may: frozenset[Operation], *, is_lacking: bool = False, advice: Advice | None = None
) -> tuple[Operation, ...]:
    """What makes sense for this channel now, of what this person may do, the most wanted first. One that
    ``is_lacking`` a permission for some feature can be reconnected although it works, and one that is held
    with many others once that is the ``advice``."""
    is_advised = advice is not None and advice.may_reconnect
    asks = is_advised or (is_lacking and channel.state is not State.IMPAIRED)  # which is to be settled first
    wanted = (Operation.RECONNECT, *_sensible(channel)) if asks else _sensible(channel)
    return tuple(dict.fromkeys(operation for operation in wanted if operation in may))


def _sensible(channel: Channel) -> tuple[Operation, ...]:
    match channel.state:
        case State.CONNECTED | State.IMPAIRED:
            return (Operation.DISABLE, Operation.REMOVE)
        case State.DISCONNECTED:
            return (Operation.RECONNECT, Operation.DISABLE, Operation.REMOVE)
        case State.DISABLED if channel.needs_reconnect:
            return (Operation.RECONNECT, Operation.REMOVE)
        case State.DISABLED:
            return (Operation.ENABLE, Operation.REMOVE)
        case State.REMOVED:
            return ()


def key_buttons(lang: Language, key: ApiKey, channel: Channel) -> list[Block]:
    """What the owner can say of a key that names their inbox, other than what they have said."""
    asked = key.asked.get(channel.id)
    value = f"{key.id}:{channel.id}"
    if asked is not None and asked.answer is OwnerAnswer.ALLOWED:
        return [
            button(lang.say("Take it back"), KEY_DECLINE, value=value, style="danger", about=key.name),
            button(lang.say("Wasn't me: take it back"), KEY_NOT_ME, value=value, about=key.name),
        ]
    allow = button(lang.say("Allow"), KEY_ALLOW, value=value, about=key.name)
    if asked is not None and asked.answer is OwnerAnswer.DECLINED:
        return [allow]
    return [allow, button(lang.say("Don't allow"), KEY_DECLINE, value=value, about=key.name)]


def parse_key_value(value: str) -> tuple[ApiKeyId, ChannelId] | None:
    """What ``key_buttons`` wrote."""
    match = re.fullmatch(r"([a-z0-9]{8}):([A-Za-z0-9_-]{1,100})", value, re.ASCII)
    return (ApiKeyId(match[1]), ChannelId(match[2])) if match else None


def operation_button(
    lang: Language,
    operation: Operation,
    channel: Channel,
    *,
    primary: bool = False,
    style: str = "",
    asks: bool = False,
) -> Block:
    """``asks``: for this reader it is a wish, and its label says so."""
    label, action_id = _face(lang, operation)
    label = (asks and _wish(lang, operation)) or label
    style = "primary" if primary else style
    return button(label, action_id, value=value_of(channel), style=style, about=channel.address)


def _face(lang: Language, operation: Operation) -> tuple[str, str]:
    match operation:
        case Operation.SEE:
            return lang.say("Details"), STATUS
        case Operation.DISABLE:
            return lang.say("Disable"), DISABLE
        case Operation.ENABLE:
            return lang.say("Enable"), ENABLE
        case Operation.REMOVE:
            return lang.say("Remove"), REMOVE
        case Operation.RECONNECT:
            return lang.say("Reconnect"), RECONNECT
        case Operation.SWITCH:
            return lang.say("Switch provider…"), SWITCH
        case Operation.TAKE_OVER:
            return lang.say("Make it a team address"), TAKE_OVER
        case Operation.EDIT:
            return lang.say("Edit"), EDIT
        case Operation.CONNECT:
            return lang.say("Connect an inbox"), CONNECT


def _wish(lang: Language, operation: Operation) -> str:
    """What only an admin can grant, as a wish; empty for what nobody has to be asked for."""
    match operation:
        case Operation.DISABLE:
            return lang.say("Ask to disable…")
        case Operation.ENABLE:
            return lang.say("Ask to enable…")
        case Operation.REMOVE:
            return lang.say("Ask to remove…")
        case Operation.SWITCH:
            return lang.say("Ask to switch provider…")
        case _:
            return ""


MOST_CHOICES: Final = 5
"""Slack's own limit for such a menu."""


def row_menu(
    lang: Language, row: ChannelRow, operations: Sequence[Operation], *, is_troubled: bool
) -> list[Block]:
    """All else that this person can do with a channel, in one small menu; nothing where there is nothing."""
    value = value_of(row.channel)
    named: list[tuple[str, str]] = []
    if Operation.SEE in row.may:
        second = (lang.say("Why?"), WHY) if is_troubled else (lang.say("Permissions"), PERMISSIONS)
        named += [(lang.say("Details"), STATUS), second]
    for operation in operations:
        label, action_id = _face(lang, operation)
        named.append(((operation in row.asks and _wish(lang, operation)) or label, action_id))
    return menu([(label, f"{action_id} {value}") for label, action_id in named if action_id in CHOICES])


def status_menu(
    lang: Language, row: ChannelRow, operations: Sequence[Operation]
) -> tuple[list[Block], list[Block]]:
    """What is not shown outright, in one small menu, and buttons for the least harmful of what has no room
    there."""
    named = [((it in row.asks and _wish(lang, it)) or _face(lang, it)[0], it) for it in operations]
    chosen = [(label, f"{_face(lang, it)[1]} {value_of(row.channel)}") for label, it in named]
    is_there = row.channel.state is not State.REMOVED
    if is_there and len(chosen) < MOST_CHOICES:
        rights = (lang.say("Permissions"), f"{PERMISSIONS} {value_of(row.channel)}")
        return menu([*chosen, rights]), []
    spare = max(0, len(chosen) - MOST_CHOICES)
    left = [operation_button(lang, it, row.channel, asks=it in row.asks) for _, it in named[:spare]]
    return menu(chosen[spare:]), [*left, *([permissions_button(lang, row.channel)] if is_there else [])]


def menu(choices: Sequence[tuple[str, str]]) -> list[Block]:
    """Labels and what each stands for."""
    options = [{"text": plain(clip(label, 75)), "value": value} for label, value in choices[:MOST_CHOICES]]
    return [{"type": "overflow", "action_id": MORE, "options": options}] if options else []


def typed_button(label: str, text: str, *, about: str = "") -> Block:
    """As if ``text`` had been typed after the command."""
    return button(label, TYPED, value=clip(text, 1_000), about=about)


def parse_choice(value: str) -> tuple[str, str]:
    """The action id that was chosen in a menu, and what that carries."""
    action_id, _, carried = value.partition(" ")
    return (action_id, carried) if action_id in CHOICES else ("", "")


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a switch leads."""

    key: str = ""
    """The provider's; empty for the only one there is."""
    is_shared: bool = False
    """To a shared mailbox, opened with the account of whoever signs in."""


def goal_of(channel: Channel, goal: Goal) -> str:
    """What a button carries that leads somewhere else: channel, version and goal."""
    return ":".join([value_of(channel), goal.key, *(["shared"] if goal.is_shared else [])])


def parse_goal(value: str) -> Goal:
    """The goal that ``goal_of`` wrote; for anything else the only one there is."""
    _, _, rest = value.partition(":")
    key, _, how = rest.partition(":")[2].partition(":")
    return Goal(key, is_shared=how == "shared") if key in PLACES else Goal()


def switch_button(lang: Language, channel: Channel, key: str, label: str, *, primary: bool = False) -> Block:
    """Leads to a certain provider."""
    shown = lang.say("Switch to {provider}", provider=label)
    style = "primary" if primary else ""
    return button(shown, SWITCH, value=goal_of(channel, Goal(key)), style=style, about=channel.address)


def following(lang: Language, channel: Channel, mail: Mail, may: frozenset[Operation]) -> list[Block]:
    """The way to where the mail goes by now: a switch, or leaving first where there is none."""
    if not mail.is_on or Operation.SWITCH not in may:
        return []
    if may_switch(channel.provider, mail.place):
        return [switch_button(lang, channel, mail.place, mail.label)]
    label = lang.say("Disconnect, then connect…")
    return [button(label, SWITCH, value=goal_of(channel, Goal(mail.place)), about=channel.address)]


def why_button(lang: Language, channel: Channel) -> Block:
    return button(lang.say("Why?"), WHY, value=value_of(channel), about=channel.address)


def permissions_button(lang: Language, channel: Channel) -> Block:
    return button(lang.say("Permissions"), PERMISSIONS, value=value_of(channel), about=channel.address)


def connect_button(lang: Language, *, primary: bool = False) -> Block:
    return button(lang.say("Connect an inbox"), CONNECT, style="primary" if primary else "")


def connect_again_button(lang: Language, channel: Channel) -> Block:
    """The form, with the address in it: what was set comes back with a removed inbox."""
    address = channel.address
    return button(lang.say("Connect again"), CONNECT, value=clip(address, LONGEST), about=address)


def renew_button(lang: Language, channel: Channel) -> Block:
    """A new sign-in for what works."""
    return button(lang.say("Renew permission"), RECONNECT, value=value_of(channel), about=channel.address)


def enable_again_button(lang: Language, channel: Channel) -> Block:
    """Undoes a disable."""
    return button(lang.say("Enable again"), ENABLE, value=value_of(channel), about=channel.address)


def disconnect_button(lang: Language, channel: Channel) -> Block:
    return button(lang.say("Disconnect…"), DISCONNECT, value=value_of(channel), about=channel.address)


def overview_button(lang: Language) -> Block:
    return button(lang.say("Show all inboxes"), OVERVIEW)


def check_button(lang: Language, grant_id: GrantId) -> Block:
    return button(lang.say("Check again"), CHECK, value=str(grant_id))


def approve_buttons(lang: Language, request: Request) -> list[Block]:
    """Yes and no, for an admin. What a yes does at once and to everybody is in its label, and what cannot be
    taken back is asked once more."""
    about = request.requested_change.address
    return [
        _approve_button(lang, request),
        button(lang.say("Decline…"), DECLINE, value=request.id, about=about),
    ]


def undo_decline_button(lang: Language, request: Request) -> Block:
    """Lets it wait again, for as long as nobody was notified of the no."""
    about = request.requested_change.address
    return button(lang.say("Undo"), DECLINE_UNDO, value=request.id, about=about)


def _approve_button(lang: Language, request: Request) -> Block:
    value, about = request.id, request.requested_change.address
    match request.requested_change.operation:
        case Operation.REMOVE:
            sure = dialog(
                lang.say("Approve and remove"),
                lang.say("{address} is removed at once, for everybody who uses it.", address=shown(about)),
                yes=lang.say("Approve and remove"),
                no=lang.say("Cancel"),
            )
            removing = button(sure["title"]["text"], APPROVE, value=value, style="danger", about=about)
            return removing | {"confirm": sure}
        case Operation.DISABLE:
            return button(lang.say("Approve and disable"), APPROVE, value=value, about=about)
        case _:
            return button(lang.say("Approve"), APPROVE, value=value, style="primary", about=about)


def cancel_button(lang: Language, request: Request) -> Block:
    """Takes one's own request back."""
    return button(
        lang.say("Cancel the request"), CANCEL, value=request.id, about=request.requested_change.address
    )


def go_on_button(lang: Language, request: Request, *, label: str = "") -> Block:
    """Goes on with a connect that was approved."""
    about = request.requested_change.address
    return button(label or lang.say("Continue"), GO_ON, value=request.id, style="primary", about=about)
