"""What super admins hear of the programs that use mailboxes: keys that end, receivers that take nothing."""

from __future__ import annotations

from bot.domain.view_models import NoticeModel
from bot.domain.webhook import OffReason
from bot.views.blocks import Message, inert, instant, mention, message, quiet, section
from bot.views.i18n import Language


def webhook_off_notice(lang: Language, model: NoticeModel) -> Message:
    """A receiver took nothing for three days, or said that it is gone."""
    webhook = model.webhook
    if webhook is None:
        return quiet("✅ " + lang.say("This webhook was revoked. There is nothing to do."))
    name, host = inert(webhook.name, 60), f"`{inert(webhook.host, 60)}`"
    if not model.is_open:
        return quiet("✅ " + lang.say("The webhook {name} works again. There is nothing to do.", name=name))
    said = "🔌 " + lang.say("The webhook {name} was switched off.", name=name)
    why = (
        lang.say("The receiver at {host} answered that it is gone for good (410).", host=host)
        if webhook.off_reason is OffReason.GONE
        else lang.say(
            "The receiver at {host} has taken nothing for three days; its last answer was {answer}.",
            host=host,
            answer=f"`{inert(webhook.last_answer, 40)}`",
        )
    )
    means = lang.say("That program no longer hears when a mailbox disconnects or works again.")
    what = lang.say(
        "Repair the receiver, then have your Inboxkeeper operator run {test}. If it is not needed any more: "
        "{revoke}.",
        test=f"`inboxkeeper webhook test {webhook.id}`",
        revoke=f"`inboxkeeper webhook revoke {webhook.id}`",
    )
    return message(said, [section("\n".join([said, why, means, what]))])


def key_ends_notice(lang: Language, model: NoticeModel) -> Message:
    """A program's key runs out."""
    key = model.api_key
    if key is None or not model.is_open:
        return _key_is_over(lang)
    said = "⏳ " + lang.say(
        "The key of the program {name} expires on {ends}.",
        name=inert(key.name, 60),
        ends=instant(lang, key.expires_at),
    )
    means = lang.say("After that, the program gets no access to mailboxes.")
    what = lang.say(
        "If it is still needed, have your Inboxkeeper operator make a new key ({create}), give it to the "
        "program, and revoke this one ({revoke}).",
        create="`inboxkeeper key create`",
        revoke=f"`inboxkeeper key revoke {key.id}`",
    )
    return message(said, [section("\n".join([said, means, what]))])


def key_orphaned_notice(lang: Language, model: NoticeModel) -> Message:
    """Whoever made a program's key is not in the workspace any more."""
    key = model.api_key
    if key is None or not (model.is_open or model.is_back):
        return _key_is_over(lang)
    about = {"person": mention(key.created_by), "name": inert(key.name, 60)}
    if model.is_back:
        back = lang.say(
            "{person} is back and looks after the program {name}. There is nothing to do.", **about
        )
        return quiet("✅ " + back)
    said = "🔑 " + lang.say("{person} has left the workspace, and looked after the program {name}.", **about)
    means = lang.say("The key works on, and whoever has a copy of it can use the mailboxes that it is for.")
    what = lang.say(
        "If nobody here looks after that program, have your Inboxkeeper operator revoke the key: {revoke}.",
        revoke=f"`inboxkeeper key revoke {key.id}`",
    )
    return message(said, [section("\n".join([said, means, what]))])


def _key_is_over(lang: Language) -> Message:
    return quiet("✅ " + lang.say("This key no longer works. There is nothing to do."))
