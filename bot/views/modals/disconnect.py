"""Disable, remove, enable: what each means before the click, and what became of it after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.domain.access import Operation
from bot.domain.channel import Channel, State
from bot.domain.view_models import Removal
from bot.views.blocks import Block, View, actions, divider, inert, modal, section, titled, value_of
from bot.views.buttons import enable_again_button, offered, operation_button
from bot.views.i18n import Language
from bot.views.replies import enabled_blocks, removal_blocks
from bot.views.wording import company, program_names
from bot.views.wording.revocation import sharers

DISABLE_FORM: Final = "disable.form"
REMOVE_FORM: Final = "remove.form"

_ALL: Final = frozenset(Operation)


def disconnect_modal(
    lang: Language, channel: Channel, *, provider_label: str, by_hand: bool = False, delegate: str = ""
) -> View:
    """Disable or remove: both explained, one button each. ``by_hand``: only the mailbox's owner can end the
    access at the provider, or ``delegate``, whose account opens a shared one."""
    at = inert(company(provider_label), 40)
    remove = _removing(lang, at, by_hand=by_hand, delegate=delegate)
    can_disable = Operation.DISABLE in offered(channel, _ALL)
    blocks = [section(_how(lang, channel, can_disable=can_disable)), *_everybody(lang, channel)]
    if can_disable:
        blocks += [
            titled(lang.say("Disable"), _disabling(lang, at)),
            *actions(operation_button(lang, Operation.DISABLE, channel)),
            divider(),
        ]
    blocks += [
        titled(lang.say("Remove"), remove),
        *actions(operation_button(lang, Operation.REMOVE, channel, style="danger")),
    ]
    return modal(lang.say("Disconnect"), blocks, close=lang.say("Cancel"), metadata=value_of(channel))


def _removing(lang: Language, at: str, *, by_hand: bool, delegate: str) -> str:
    if delegate and by_hand:
        return lang.say(
            "Removes the inbox from Inboxkeeper and shows how to end the access at {company}: "
            "only somebody who signs in there as {person} can. Connecting again needs a new "
            "sign-in.",
            company=at,
            person=inert(delegate),
        )
    if by_hand:
        return lang.say(
            "Removes the inbox from Inboxkeeper and shows its owner how to end the access at "
            "{company}. Connecting again needs a new sign-in.",
            company=at,
        )
    return lang.say(
        "Removes the inbox from Inboxkeeper and asks {company} to revoke the permission. "
        "Connecting again needs a new sign-in.",
        company=at,
    )


def _how(lang: Language, channel: Channel, *, can_disable: bool) -> str:
    """``can_disable``: there is a choice."""
    address = inert(channel.address)
    if channel.state is State.DISABLED and not can_disable:
        return lang.say("{address} is disabled already. Remove it?", address=address)
    return lang.say("How should {address} be disconnected?", address=address)


def disable_modal(
    lang: Language, channel: Channel, *, provider_label: str, programs: Sequence[str] = ()
) -> View:
    """``programs``: those that will get no tokens of it any more."""
    at = inert(company(provider_label), 40)
    return modal(
        lang.say("Disable"),
        [
            section(lang.say("Disable {address}?", address=inert(channel.address))),
            section(_disabling(lang, at)),
            *_use(lang, channel),
            *_programs(lang, programs),
            *_everybody(lang, channel),
        ],
        submit=lang.say("Yes, disable it"),
        close=lang.say("Cancel"),
        callback=DISABLE_FORM,
        metadata=value_of(channel),
    )


def _disabling(lang: Language, at: str) -> str:
    return lang.say(
        "Stops using the inbox and sends no messages about it. Nothing is deleted, and the "
        "permission at {company} is kept, so you can enable it again at any time. Once a "
        "week we check whether that permission is still there, without telling anybody.",
        company=at,
    )


def remove_modal(lang: Language, removal: Removal, *, programs: Sequence[str] = ()) -> View:
    """What depends on it, what else lives on the same permission, and what will stop at the provider."""
    return modal(
        lang.say("Remove"),
        leaving_blocks(lang, removal, programs=programs),
        submit=yes_text(lang, removal.channel),
        close=lang.say("Cancel"),
        callback=REMOVE_FORM,
        metadata=value_of(removal.channel),
    )


def leaving_blocks(lang: Language, removal: Removal, *, programs: Sequence[str] = ()) -> list[Block]:
    """What a removal means, on both sides."""
    channel, at = removal.channel, inert(company(removal.provider_label), 40)
    return [
        section(lang.say("Remove {address}?", address=inert(channel.address))),
        *_use(lang, channel),
        *_programs(lang, programs),
        *_everybody(lang, channel),
        titled(lang.say("Here"), _here(lang)),
        titled(lang.say("At {company}", company=at), there_text(lang, removal)),
    ]


def yes_text(lang: Language, channel: Channel) -> str:
    """The label that confirms a removal: the same words wherever it is asked."""
    return lang.say("Yes, remove inbox") if channel.is_personal else lang.say("Yes, delete")


def _use(lang: Language, channel: Channel) -> list[Block]:
    if not channel.use:
        return []
    return [section(lang.say("What depends on it: {use}", use=inert(channel.use, 200)))]


def _programs(lang: Language, programs: Sequence[str]) -> list[Block]:
    if not programs:
        return []
    named = program_names(lang, [inert(it, 60) for it in programs])
    lose = lang.say("Programs that lose access: {programs}.", programs=named)
    keep = lang.say("Access tokens that they already have work for up to 90 minutes.")
    return [section(lang.together(lose, keep))]


def _everybody(lang: Language, channel: Channel) -> list[Block]:
    """A team address is not only one's own."""
    if channel.is_personal:
        return []
    return [
        section(
            "👥 " + lang.say("This is a team address: it stops for everybody who uses it, not only for you.")
        )
    ]


def _here(lang: Language) -> str:
    return lang.say(
        "The inbox is removed from Inboxkeeper. Connect the same mailbox again within 30 "
        "days and its settings and history come back."
    )


def there_text(lang: Language, removal: Removal) -> str:
    """What will happen at the provider."""
    if removal.shared_here or removal.shared_elsewhere:
        return lang.say(
            "Access there stays: {others} with the same account, and would stop working without it.",
            others=sharers(lang, removal.shared_here, removal.shared_elsewhere),
        )
    if removal.family == "imap":
        return lang.say(
            "Nothing changes there. If an app password was made for this, delete it there "
            "afterwards: we show you how."
        )
    if removal.delegate:
        return lang.say(
            "Only somebody who signs in there as {person} can remove the permission: we show the "
            "steps, and check whether it is gone.",
            person=inert(removal.delegate),
        )
    if removal.by_hand:
        return lang.say(
            "Only the mailbox's owner can remove the permission there: we show the steps, and "
            "check whether it is gone."
        )
    return lang.say(
        "The permission is revoked, and this app can do nothing with the account any more. "
        "Mail and account stay as they are."
    )


def disabled_modal(lang: Language, channel: Channel) -> View:
    text = lang.say("{address} is disabled. Nothing was deleted.", address=inert(channel.address))
    back = [
        enable_again_button(lang, channel) if it is Operation.ENABLE else operation_button(lang, it, channel)
        for it in offered(channel, _ALL)
        if it is not Operation.REMOVE
    ]
    undo = lang.say("*Enable again* undoes it, now or at any time.") if not channel.needs_reconnect else ""
    return modal(
        lang.say("Disabled"),
        [section(lang.together(f"⚪ {text}", undo)), *actions(*back)],
        close=lang.say("Close"),
    )


def removed_modal(lang: Language, removal: Removal) -> View:
    """Both sides, truthfully, as far as they are known by now."""
    title = lang.say("Switched") if removal.now_at else lang.say("Removed")
    return modal(title, removal_blocks(lang, removal), close=lang.say("Close"))


def enabled_modal(lang: Language, channel: Channel, *, provider_label: str) -> View:
    title = lang.say("Not possible") if channel.state is State.DISABLED else lang.say("Enabled")
    return modal(title, enabled_blocks(lang, channel, provider_label), close=lang.say("Close"))
