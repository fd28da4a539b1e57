"""What only the operator can mend."""

from __future__ import annotations

from datetime import datetime

from bot.domain.access import Operation
from bot.domain.hubspot import HUBSPOT
from bot.domain.notice import SLACK
from bot.domain.request import Request
from bot.domain.view_models import NoticeModel
from bot.views.blocks import (
    Block,
    Message,
    actions,
    bold,
    escape,
    inert,
    instant,
    mention,
    message,
    quiet,
    section,
    to_type,
)
from bot.views.buttons import operation_button
from bot.views.i18n import Language
from bot.views.messages.hubspot import hubspot_operator_notice
from bot.views.wording import company, operator_words, requested_change_words, socket_words


def operator_notice(lang: Language, model: NoticeModel) -> Message:
    """The provider refuses our own registration, or Slack our connection."""
    about = model.notice.about
    provider, code = about["provider"], about.get("code", "")
    if provider == HUBSPOT:
        return hubspot_operator_notice(lang, model, code)
    if provider == SLACK:
        return _socket_notice(lang, model, code)
    at = inert(company(model.provider_label), 40)
    if not model.is_open:
        return quiet(
            "✅ "
            + lang.say("{company} accepts Inboxkeeper's client again. There is nothing to do.", company=at)
        )
    words = operator_words(lang, model.provider_label, code)
    said = f"🔧 {escape(words.why)}"
    return message(said, [section("\n".join([said, escape(words.next_step), _nobody_else(lang)]))])


def silence_notice(lang: Language, model: NoticeModel) -> Message:
    """Probes do not finish."""
    if not model.is_open:
        return quiet("✅ " + lang.say("Inbox checks are running again. There is nothing to do."))
    said = "🔧 " + lang.say("Inboxkeeper has stopped checking inboxes.")
    when = instant(lang, datetime.fromisoformat(model.notice.about["since"]))
    why = lang.say(
        "Noticed {when}. The fault is in Inboxkeeper, not at a mail provider. Until it is "
        "fixed, an inbox may stop working without anybody being told.",
        when=when,
    )
    what = lang.say("Look at the log and at {path}, then restart Inboxkeeper.", path="`/readyz`")
    return message(said, [section("\n".join([said, why, what, _nobody_else(lang)]))])


def storage_notice(lang: Language, model: NoticeModel) -> Message:
    """The database could not be written."""
    about = model.notice.about
    said = "🔧 " + lang.say(
        "Inboxkeeper could not write to its database from {began} to {ended}.",
        began=instant(lang, datetime.fromisoformat(about["began"])),
        ended=instant(lang, datetime.fromisoformat(about["ended"])),
    )
    why = lang.say(
        "No inbox was checked in that time, and nobody could be told of anything. It works again: whatever "
        "happened meanwhile is found out now."
    )
    what = lang.say(
        "The log says what the database answered: a full disk, a lock, or a server that was away."
    )
    return message(said, [section("\n".join([said, why, what, _nobody_else(lang)]))])


def groups_notice(lang: Language, model: NoticeModel) -> Message:
    """User groups cannot be read."""
    if not model.is_open:
        return quiet("✅ " + lang.say("User groups can be read again. There is nothing to do."))
    said = "🔧 " + lang.say("Inboxkeeper cannot read Slack's user groups.")
    means = lang.say(
        "People who have account access only through a group cannot use it for now, and "
        "after two hours are no longer told of outages."
    )
    what = (
        lang.say(
            "Give the Slack app the permission {scope} again (an app reinstall may have dropped it), or "
            "choose people one by one with {command}.",
            scope="`usergroups:read`",
            command=to_type(model.command, lang.say("admins")),
        )
        if model.notice.about.get("why") == "closed"
        else lang.say("Slack does not answer. We ask again every few minutes.")
    )
    return message(said, [section("\n".join([said, means, what]))])


def credential_notice(lang: Language, model: NoticeModel) -> Message:
    """The client secret or the certificate at Microsoft ends soon."""
    ends = instant(lang, datetime.fromisoformat(model.notice.about["ends"]))
    where = escape(lang.say("App registrations › your app › Certificates & secrets"))
    if model.notice.about["what"] == "certificate":
        said = lang.say(
            "The certificate that identifies Inboxkeeper to Microsoft expires on {ends}.", ends=ends
        )
        what = lang.say(
            "Register a new one under {where}, name its file in {setting}, and restart Inboxkeeper. The old "
            "one can stay registered until then.",
            where=where,
            setting="`INBOXKEEPER_MICROSOFT_CERTIFICATE_FILE`",
        )
    else:
        said = lang.say("Inboxkeeper's client secret at Microsoft expires on {ends}.", ends=ends)
        what = lang.say(
            "Create a new one under {where}, set {settings}, and restart Inboxkeeper. The old "
            "one works until then.",
            where=where,
            settings=lang.listed(
                ("`INBOXKEEPER_MICROSOFT_CLIENT_SECRET`", "`INBOXKEEPER_MICROSOFT_SECRET_ENDS`")
            ),
        )
    why = lang.say("After that, no inbox at Microsoft can be checked or connected.")
    return message(f"⏳ {said}", [section("\n".join([f"⏳ {said}", why, what]))])


def _nobody_else(lang: Language) -> str:
    return lang.say("Nobody else was told, and no inbox is shown as disconnected because of this.")


def _socket_notice(lang: Language, model: NoticeModel, code: str) -> Message:
    if not model.is_open:
        return quiet("✅ " + lang.say("Slack is connected to Inboxkeeper again. There is nothing to do."))
    words = socket_words(lang, code)
    said = f"🔧 {escape(words.why)}"
    what = lang.say(
        "Until then commands and buttons get no answer. Inboxes are checked and people are told as usual."
    )
    return message(said, [section("\n".join([said, escape(words.next_step), what]))])


def nobody_told_notice(lang: Language, model: NoticeModel) -> Message:
    """None of those who should know of an outage, or answer a request, could be written to."""
    if model.request is not None:
        return _nobody_asked(lang, model, model.request)
    lost = [it.channel.address for it in model.hubspot.outages] if model.hubspot else []
    address = inert(model.channel.address if model.channel else next(iter(lost), "–"))
    if not model.is_open:
        return quiet(
            "✅ " + lang.say("{address}: the outage is over. There is nothing to do.", address=address)
        )
    if model.is_heard:
        return quiet(
            "✅ " + lang.say("By now somebody has been told that {address} stopped working.", address=address)
        )
    said = "📵 " + lang.say("{address} stopped working, and nobody could be told.", address=address)
    why = lang.say(
        "Everybody who should know has left, or cannot get messages from the bot. Please tell somebody in "
        "charge yourself; {command} shows who is told.",
        command=to_type(model.command, lang.say("admins")),
    )
    return message(said, [section(f"{said}\n{why}"), *_ways_on(lang, model)])


def _ways_on(lang: Language, model: NoticeModel) -> list[Block]:
    """Of somebody's own inbox nobody else is told, so what can be done with it stands here."""
    if model.channel is None:
        return []
    own = (Operation.TAKE_OVER, Operation.REMOVE) if model.channel.is_personal else ()
    return actions(*(operation_button(lang, it, model.channel) for it in (Operation.SEE, *own)))


def _nobody_asked(lang: Language, model: NoticeModel, request: Request) -> Message:
    requested_change = escape(requested_change_words(lang, request.requested_change))
    if not request.is_open:
        return quiet(
            "✅ "
            + lang.say(
                "{requested_change}: decided. There is nothing to do.", requested_change=requested_change
            )
        )
    said = "📵 " + lang.say(
        "{who} asks for something, and no admin could be told.", who=mention(request.requester)
    )
    why = lang.say(
        "Every admin has left, or cannot get messages from the bot. Please ask somebody in charge yourself; "
        "{command} shows who they are.",
        command=to_type(model.command, lang.say("admins")),
    )
    return message(said, [section("\n".join([said, bold(requested_change), why]))])
