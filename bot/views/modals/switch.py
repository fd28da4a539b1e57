"""To another provider: the switch and what it means on both sides, and the way where there is no switch.

The one rule: what becomes of the old side stands before the button, and that nothing changes until the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.access import Operation
from bot.domain.channel import Channel
from bot.domain.errors import DisconnectFirst, OwnerLeft, ReconnectFirst, Refusal, SwitchInstead
from bot.domain.view_models import AuthorizationStart, Removal
from bot.views.blocks import (
    Block,
    View,
    actions,
    bold,
    button,
    context,
    escape,
    inert,
    modal,
    section,
    titled,
)
from bot.views.buttons import PLACES, SWITCH, Goal, goal_of, operation_button, switch_button
from bot.views.i18n import Language
from bot.views.modals.connect import CONSENT_OPEN, loopback_hint, shared_choice, sign_in_text, waiting_text
from bot.views.modals.disconnect import leaving_blocks, there_text, yes_text
from bot.views.permissions import permission_blocks
from bot.views.wording import company, refusal_words

LEAVE: Final = "leave"
"""The beginning of an action id; the key of the provider that it goes on to follows."""
LEAVE_ANY: Final = tuple(f"{LEAVE}.{key}" for key in PLACES)
LEAVE_FORM: Final = "leave.form"
SWITCH_SHARED: Final = "switch.shared"
"""The same switch once more, to a mailbox that is (or is not) a shared one."""


def switch_modal(lang: Language, begun: AuthorizationStart, leaves: Removal) -> View:
    """What stays, what will be asked for, what becomes of the permission at the provider that is left, and
    the one button that opens the browser. ``begun.others`` are the providers that no switch leads to."""
    channel, old = leaves.channel, inert(leaves.provider_label, 40)
    here, there = company(leaves.provider_label), company(begun.provider_label)
    intro = lang.say(
        "Switch {address} from {old} to {new}. Owner, use, history and who gets told stay as they are.",
        address=inert(channel.address),
        old=old,
        new=inert(begun.provider_label, 40),
    )
    until = lang.say(
        "Until the new mailbox has been checked nothing changes: stop at any time, and it stays with {old}.",
        old=old,
    )
    label = lang.say("Open {company}", company=there)
    other = goal_of(channel, Goal(begun.provider, is_shared=not begun.is_shared))
    return modal(
        lang.say("Switch provider"),
        [
            section(intro),
            section(bold(_asks(lang, there))),
            *permission_blocks(lang, begun.scopes | begun.sign_in_scopes, begun.features),
            titled(lang.say("At {company}", company=inert(here, 40)), _old_side(lang, leaves)),
            *(shared_choice(lang, begun, SWITCH_SHARED, other) if begun.may_be_shared else []),
            section(sign_in_text(lang, begun)),
            *actions(button(label, CONSENT_OPEN, url=begun.url, style="primary")),
            context(until),
            context(waiting_text(lang)),
            *loopback_hint(lang, begun.url),
            *_elsewhere(lang, channel, there, begun.others),
        ],
        close=lang.say("Close"),
    )


def _asks(lang: Language, at: str) -> str:
    return lang.say("{company} will ask for this", company=inert(at, 40))


def _old_side(lang: Language, leaves: Removal) -> str:
    """As before a removal, but only afterwards."""
    after = lang.say("After the switch, and not before:")
    return lang.together(after, there_text(lang, leaves))


def _elsewhere(
    lang: Language, channel: Channel, there: str, others: Sequence[tuple[str, str]]
) -> list[Block]:
    """No switch leads there; the button says what does."""
    if not others:
        return []
    said = lang.say("Is the mailbox not at {company}? Then choose:", company=inert(there, 40))
    return [context(said), *actions(*(_other(lang, channel, key, label) for key, label in others))]


def _other(lang: Language, channel: Channel, key: str, label: str) -> Block:
    shown = lang.say("Another mail server (IMAP)") if key == "imap" else label
    return button(shown, f"{SWITCH}.{key}", value=goal_of(channel, Goal(key)))


def reconnect_first_modal(lang: Language, refusal: ReconnectFirst) -> View:
    """It cannot be enabled before somebody has signed in again."""
    return modal(
        lang.say("Reconnect first"),
        [
            section(_said(lang, refusal)),
            *actions(operation_button(lang, Operation.RECONNECT, refusal.channel, primary=True)),
        ],
        close=lang.say("Close"),
    )


def owner_left_modal(lang: Language, refusal: OwnerLeft) -> View:
    """Nobody can sign in to it as it is: the ways that are left."""
    ways = (Operation.TAKE_OVER, Operation.REMOVE)
    return modal(
        lang.say("Its owner has left"),
        [
            section(_said(lang, refusal)),
            *actions(*(operation_button(lang, it, refusal.channel) for it in ways)),
        ],
        close=lang.say("Close"),
    )


def switch_instead_modal(lang: Language, refusal: SwitchInstead) -> View:
    """It is connected, but at the other provider: switch, or sign in again where it is."""
    channel, (key, label) = refusal.channel, refusal.to
    return modal(
        lang.say("Already connected"),
        [
            section(_said(lang, refusal)),
            *actions(
                switch_button(lang, channel, key, label, primary=True),
                operation_button(lang, Operation.RECONNECT, channel),
            ),
        ],
        close=lang.say("Close"),
    )


def _said(lang: Language, refusal: Refusal) -> str:
    """The dialog's title says the rest."""
    words = refusal_words(lang, refusal)
    return "\n".join([escape(words.text), escape(words.next_step)])


def disconnect_first_modal(lang: Language, refusal: DisconnectFirst) -> View:
    """The reason, in the help article's words, and a button for each provider that disconnects first and goes
    on there."""
    ways = [_leave_button(lang, refusal.channel, key, label) for key, label in refusal.ways]
    return modal(
        lang.say("Disconnect first"),
        [section(_said(lang, refusal)), *actions(*ways)],
        close=lang.say("Close"),
    )


def _leave_button(lang: Language, channel: Channel, key: str, label: str) -> Block:
    shown = lang.say("Disconnect, then {provider}", provider=inert(label, 12))
    return button(shown, f"{LEAVE}.{key}", value=goal_of(channel, Goal(key)), about=channel.address)


def leave_modal(lang: Language, removal: Removal, *, to: tuple[str, str], needs_approval: bool) -> View:
    """The confirmation that removing takes, and what follows at once. ``to`` is key and label of the provider
    that it goes on to."""
    key, label = to
    then = lang.say(
        "You then go straight on to {provider}; address, name, use and conversation stay "
        "filled in. There it starts as a new inbox, without its history.",
        provider=inert(label, 40),
    )
    waits = lang.say(
        "An admin has to approve the new connection first. Until then the inbox is not connected at all."
    )
    return modal(
        lang.say("Remove"),
        [
            *leaving_blocks(lang, removal),
            *([section(f"⚠️ {waits}")] if needs_approval else []),
            titled(lang.say("Then"), then),
        ],
        submit=yes_text(lang, removal.channel),
        close=lang.say("Cancel"),
        callback=LEAVE_FORM,
        metadata=goal_of(removal.channel, Goal(key)),
    )


def left_remark(lang: Language, removal: Removal, told: str) -> tuple[str, ...]:
    """On top of the dialog that it goes on with: that the first half is done."""
    here = lang.say("{address} is removed from Inboxkeeper.", address=inert(removal.channel.address))
    return (f"• {here}", f"• {escape(told)}")
