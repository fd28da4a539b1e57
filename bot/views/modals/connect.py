"""From an address to a consent page and back: the form, the permissions in plain words, the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from bot.domain.access import Operation
from bot.domain.channel import NOTHING_TYPED, Channel, InboxSpec, Kind, State
from bot.domain.errors import HostUnknown, InOrder
from bot.domain.features import Feature
from bot.domain.request import RequestedChange
from bot.domain.ticket import OutcomeKind, TicketOutcome
from bot.domain.view_models import AuthorizationStart
from bot.views.blocks import (
    Block,
    View,
    actions,
    bold,
    button,
    context,
    escape,
    inert,
    instant,
    mention,
    modal,
    plain,
    section,
    value_of,
)
from bot.views.buttons import PLACES, operation_button, overview_button, renew_button
from bot.views.i18n import Language
from bot.views.modals.approval import requested_change_text
from bot.views.modals.inputs import (
    KIND_BLOCK,
    address_input,
    conversation_input,
    name_input,
    use_input,
)
from bot.views.permissions import permission_blocks
from bot.views.wording import approval_hint, company, ending_words, refusal_words, state_words
from bot.views.wording.outcomes import waits_for_others

CONNECT_FORM: Final = "connect.form"
CONNECT_KIND: Final = "connect.kind"
"""Choosing draws the form anew."""
CONSENT_OPEN: Final = "consent.open"
CONSENT_ASK: Final = "consent.ask"
"""Carries the ticket's id."""
CONNECT_AT: Final = "connect.at"
"""The beginning of an action id; a provider's key follows."""
CONNECT_AT_ANY: Final = tuple(f"{CONNECT_AT}.{key}" for key in PLACES)
CONNECT_SHARED: Final = "connect.shared"
"""The same form once more, for a mailbox that is (or is not) a shared one."""
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def connect_modal(lang: Language, inbox: InboxSpec = NOTHING_TYPED, *, own_address: str = "") -> View:
    """The form. It starts with what was typed, else with the address Slack knows as this person's."""
    is_team = inbox.kind is Kind.TEAM
    return modal(
        lang.say("Connect an inbox"),
        [
            section(
                lang.say("Which inbox? In the next step you see what is asked for, before anything happens.")
            ),
            address_input(lang, inbox.address or ("" if is_team else own_address)),
            _kind_choice(lang, inbox.kind),
            *_hint(lang, own_address, is_team=is_team),
            *([name_input(lang, inbox.name)] if is_team else []),
            use_input(lang, inbox.use, is_team=is_team),
            *([conversation_input(lang, inbox.conversation_id or "")] if is_team else []),
        ],
        submit=lang.say("Next"),
        close=lang.say("Cancel"),
        callback=CONNECT_FORM,
    )


def _kind_choice(lang: Language, kind: Kind) -> Block:
    mine: Block = {"text": plain(lang.say("My inbox")), "value": Kind.PERSONAL.value}
    team: Block = {"text": plain(lang.say("Team address")), "value": Kind.TEAM.value}
    choice: Block = {
        "type": "radio_buttons",
        "action_id": CONNECT_KIND,
        "options": [mine, team],
        "initial_option": team if kind is Kind.TEAM else mine,
    }
    return {"type": "actions", "block_id": KIND_BLOCK, "elements": [choice]}


def _hint(lang: Language, own_address: str, *, is_team: bool) -> list[Block]:
    if is_team:
        return [context(lang.say("Everybody sees it. You and the admins are told when it stops working."))]
    if not own_address:
        return []
    return [
        context(
            lang.say(
                "Slack knows {address} as yours: it needs nobody's approval.", address=inert(own_address)
            )
        )
    ]


def consent_modal(lang: Language, begun: AuthorizationStart) -> View:
    """What will be asked for, then the one button that opens the browser. There is nothing to submit.

    Below it, should somebody else host the mailbox, stand the other providers: their buttons carry the wish,
    so that nothing is typed again.
    """
    at = company(begun.provider_label)
    label = lang.say("Open the form") if begun.takes_password else lang.say("Open {company}", company=at)
    return modal(
        lang.say("Reconnect") if begun.reconnect else lang.say("Connect an inbox"),
        [
            *(_password(lang, begun) if begun.takes_password else _permissions(lang, begun)),
            *_shared(lang, begun),
            *([] if begun.takes_password else [section(sign_in_text(lang, begun))]),
            *actions(button(label, CONSENT_OPEN, url=begun.url, style="primary")),
            context(waiting_text(lang)),
            *loopback_hint(lang, begun.url),
            *_other_hosts(lang, begun),
        ],
        close=lang.say("Close"),
    )


def _shared(lang: Language, begun: AuthorizationStart) -> list[Block]:
    """Asked before the button: whoever signs in as the wrong one has to begin again."""
    wish = begun.requested_change
    if wish is None or not begun.may_be_shared:
        return []
    other = requested_change_text(_changed(wish, is_shared=not wish.is_shared))
    return shared_choice(lang, begun, CONNECT_SHARED, other)


def _permissions(lang: Language, begun: AuthorizationStart) -> list[Block]:
    at, address = inert(company(begun.provider_label), 40), inert(begun.address)
    intro = (
        lang.say(
            "Reconnect {address}: same inbox, new sign-in. {company} will ask for this:",
            address=address,
            company=at,
        )
        if begun.reconnect
        else lang.say("Connect {address}. {company} will ask for this:", address=address, company=at)
    )
    return [
        section(intro),
        *permission_blocks(lang, begun.scopes | begun.sign_in_scopes, begun.features),
    ]


def sign_in_text(lang: Language, begun: AuthorizationStart) -> str:
    """As whom to sign in, and what to do there."""
    if begun.is_shared:
        return lang.say(
            "The button opens your browser. {address} is shared: sign in as yourself, with an account that "
            "may open it.",
            address=inert(begun.address),
        )
    named = inert(begun.account or begun.address)
    if company(begun.provider_label) == "Google":
        return lang.count(
            "The button opens your browser. Sign in as {address} and tick the box.",
            "The button opens your browser. Sign in as {address} and tick all boxes.",
            len(begun.scopes),
            address=named,
        )
    return lang.say("The button opens your browser. Sign in as {address} and accept.", address=named)


def shared_choice(lang: Language, begun: AuthorizationStart, action: str, value: str) -> list[Block]:
    """Own or shared? Nobody but the person can know; the button begins again as the other one."""
    address, is_shared = inert(begun.address), begun.is_shared
    said = (
        lang.say("Does {address} have its own password? Then choose:", address=address)
        if is_shared
        else lang.say(
            "Is {address} a shared mailbox, which people open with their own accounts? Then choose:",
            address=address,
        )
    )
    label = lang.say("It has its own sign-in") if is_shared else lang.say("It is a shared mailbox")
    return [context(said), *actions(button(label, action, value=value))]


def _changed(wish: RequestedChange, **changes: Any) -> RequestedChange:
    return replace(wish, inbox=replace(wish.inbox, **changes))


def _password(lang: Language, begun: AuthorizationStart) -> list[Block]:
    """An ordinary mail host: nothing to consent to, a password to enter, and never in Slack."""
    address = inert(begun.address)
    intro = (
        lang.say("Reconnect {address}: same inbox, with its current password.", address=address)
        if begun.reconnect
        else lang.say("Connect {address} by its mail server (IMAP).", address=address)
    )
    how = lang.say(
        "The button opens a form in your browser for the mail server, user name and "
        "password. We log in to try them and open the inbox, but read no mail. Never type a "
        "password in Slack."
    )
    return [section(intro), section(how)]


def _other_hosts(lang: Language, begun: AuthorizationStart) -> list[Block]:
    wish, provider_label = begun.requested_change, begun.provider_label
    if wish is None or not begun.others:
        return []
    is_imap = provider_label == "IMAP"
    said = (
        lang.say("Is the mailbox at one of these? Then choose:")
        if is_imap
        else lang.say(
            "Is the mailbox not at {company}? Then choose:", company=inert(company(provider_label), 40)
        )
    )
    return [
        context(said),
        *actions(*(_other_host(lang, wish, key, label) for key, label in begun.others)),
    ]


def _other_host(lang: Language, requested_change: RequestedChange, key: str, label: str) -> Block:
    chosen = requested_change_text(_changed(requested_change, provider=key, is_shared=False))
    return button(_host_label(lang, key, label), f"{CONNECT_AT}.{key}", value=chosen)


def _host_label(lang: Language, key: str, label: str) -> str:
    return lang.say("Another mail server (IMAP)") if key == "imap" else label


def which_host_modal(lang: Language, refusal: HostUnknown) -> View:
    """Nobody can tell who hosts the mailbox: the person chooses, and nothing is typed again."""
    words = refusal_words(lang, refusal)
    return modal(
        words.title,
        [
            section("\n".join([escape(words.text), escape(words.next_step)])),
            *actions(
                *(_other_host(lang, refusal.requested_change, key, label) for key, label in refusal.hosts)
            ),
        ],
        close=lang.say("Close"),
    )


def loopback_hint(lang: Language, url: str) -> list[Block]:
    """Said before the click: elsewhere the browser would only show that nobody answers."""
    if urlsplit(url).hostname not in _THIS_MACHINE:
        return []
    return [context(lang.say("It opens only on the machine that runs Inboxkeeper."))]


def waiting_text(lang: Language) -> str:
    """What to expect while the browser has the floor."""
    return lang.say(
        "The link is yours alone and valid for 15 minutes. This window changes when you are done; if you "
        "close it, you get a message."
    )


def outcome_modal(
    lang: Language,
    outcome: TicketOutcome,
    *,
    provider_label: str,
    may_ask_admin: bool = False,
    lacking: Sequence[Feature] = (),
) -> View:
    """What the waiting consent modal turns into. ``may_ask_admin``: an organisation's approval may be what
    was missing; ``lacking`` are features whose box was left unticked."""
    words = ending_words(lang, outcome, provider_label, lacking, in_slack=True)
    is_calm = outcome.ending.is_good or outcome.ending in _MARKS
    mark = "✅ " if outcome.ending.is_good else _MARKS.get(outcome.ending, "⚠️ ")
    lines = [f"{mark}{escape(words.text)}", escape(words.next_step)]
    said = section("\n".join(line for line in lines if line))
    asking = _ask_admin(lang, outcome, provider_label) if may_ask_admin else []
    title = words.title if is_calm else lang.say("Not connected")
    return modal(title, [said, *asking, *_from_here(lang, outcome)], close=lang.say("Close"))


_MARKS: Final = {OutcomeKind.PENDING: "⏳ ", OutcomeKind.DECLINED: ""}
"""Neither good nor a failure: it is not over, or it is their own wish."""


def _from_here(lang: Language, outcome: TicketOutcome) -> list[Block]:
    if outcome.ending is OutcomeKind.NOT_POSSIBLE:
        return actions(overview_button(lang))
    if not outcome.ending.may_try_again or waits_for_others(outcome):
        return []
    return [context(lang.say("Continue in your browser, or close this and start again."))]


def _ask_admin(lang: Language, outcome: TicketOutcome, provider_label: str) -> list[Block]:
    label = lang.say("Get a message for that admin")
    return [
        section(escape(approval_hint(lang, company(provider_label)))),
        *actions(button(label, CONSENT_ASK, value=outcome.ticket.id)),
    ]


EDIT_FORM: Final = "edit.form"
EDIT_TYPED: Final = "edit.typed"
"""Opens the same form with what was typed in another one, which it carries."""


def edit_modal(lang: Language, channel: Channel, typed: InboxSpec = NOTHING_TYPED) -> View:
    """What can be said of an inbox, as it is said now; what was ``typed`` a moment ago elsewhere wins."""
    use = use_input(lang, typed.use or channel.use, is_team=not channel.is_personal)
    told = typed.conversation_id or channel.conversation_id or ""
    fields = (
        [use]
        if channel.is_personal
        else [name_input(lang, typed.name or channel.name), use, conversation_input(lang, told)]
    )
    return modal(
        lang.say("Edit"),
        [section(bold(inert(channel.address))), *fields],
        submit=lang.say("Save"),
        close=lang.say("Cancel"),
        callback=EDIT_FORM,
        metadata=value_of(channel),
    )


TAKE_OVER_FORM: Final = "take_over.form"


def in_order_modal(lang: Language, refusal: InOrder) -> View:
    """It is here already: what can be done with it, and what was typed goes along to the form that edits."""
    words, channel = refusal_words(lang, refusal), refusal.channel
    is_off = channel.state is State.DISABLED
    state = lang.say(
        "{state} since {when}", state=state_words(lang, channel), when=instant(lang, channel.shown_since)
    )
    said = "\n".join(filter(None, [f"{bold(inert(channel.address))} {state}", escape(words.next_step)]))
    typed = requested_change_text(RequestedChange(Operation.EDIT, refusal.inbox, channel.id))
    style = "" if is_off else "primary"
    edit = button(lang.say("Edit"), EDIT_TYPED, value=typed, style=style, about=channel.address)
    edits = [edit] if refusal.may_edit else []
    if is_off:
        asks = not refusal.may_enable
        ways = [operation_button(lang, Operation.ENABLE, channel, primary=True, asks=asks), *edits]
    else:
        ways = [*edits, renew_button(lang, channel)]
    see = operation_button(lang, Operation.SEE, channel)
    return modal(words.title, [section(said), *actions(*ways, see)], close=lang.say("Close"))


def take_over_modal(lang: Language, channel: Channel) -> View:
    """Before the click: who loses it, who gets it, what stays."""
    said = lang.say("Make {address} a team address?", address=inert(channel.address))
    kept = lang.say(
        "It stays connected, with its settings and history. After that the whole team sees "
        "it, and admins look after it."
    )
    return modal(
        lang.say("Make it a team address"),
        [
            section(f"{said}\n{kept}"),
            *([context(_told(lang, channel.owner_id))] if channel.owner_id else []),
            name_input(lang, channel.name),
            use_input(lang, channel.use),
            conversation_input(lang, channel.conversation_id or ""),
        ],
        submit=lang.say("Yes, make it one"),
        close=lang.say("Cancel"),
        callback=TAKE_OVER_FORM,
        metadata=value_of(channel),
    )


def _told(lang: Language, owner_id: str) -> str:
    return lang.say(
        "It is {who}'s inbox now; they are told. It cannot be made personal again.", who=mention(owner_id)
    )
