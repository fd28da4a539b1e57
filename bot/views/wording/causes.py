"""A channel's state, why it is so, and what to do about it: one answer per cause."""

from __future__ import annotations

from typing import Final, NamedTuple

from bot.domain.channel import REFUSED_CAUSES, Cause, Channel, State
from bot.domain.incident import Unexplained
from bot.domain.provider_outage import Advice, is_held
from bot.domain.view_models import MOST_COUNTED
from bot.views.i18n import Language
from bot.views.text import shown
from bot.views.wording.names import company

_MARKS: Final = {
    State.CONNECTED: "🟢",
    State.IMPAIRED: "🟡",
    State.DISCONNECTED: "🔴",
    State.DISABLED: "⚪",
    State.REMOVED: "⚪",
}


def state_mark(state: State) -> str:
    return _MARKS[state]


def state_name(lang: Language, state: State) -> str:
    """The state alone, for counts and forms."""
    match state:
        case State.CONNECTED:
            return lang.say("Connected")
        case State.IMPAIRED:
            return lang.say("Being checked")
        case State.DISCONNECTED:
            return lang.say("Disconnected")
        case State.DISABLED:
            return lang.say("Disabled")
        case State.REMOVED:
            return lang.say("Removed")


def state_count(lang: Language, state: State, number: int) -> str:
    """How many are in it."""
    n = counted(number)
    match state:
        case State.CONNECTED:
            return lang.say("{n} connected", n=n)
        case State.IMPAIRED:
            return lang.say("{n} being checked", n=n)
        case State.DISCONNECTED:
            return lang.say("{n} disconnected", n=n)
        case State.DISABLED:
            return lang.say("{n} disabled", n=n)
        case State.REMOVED:
            return lang.say("{n} removed", n=n)


def counted(number: int) -> str:
    """A number of inboxes as far as they are counted, alike in every language: ``1,200`` or ``10,000+``."""
    return f"{MOST_COUNTED:,}+" if number > MOST_COUNTED else f"{number:,}"


def state_words(lang: Language, channel: Channel, unexplained: Unexplained | None = None) -> str:
    """Mark and words: ``🟢 Connected``. ``unexplained``: its provider answers what nobody knows."""
    return f"{state_mark(channel.state)} {_said(lang, channel, unexplained)}"


def _said(lang: Language, channel: Channel, unexplained: Unexplained | None) -> str:
    if channel.state is State.IMPAIRED and unexplained is not None:
        return lang.say("Being checked: refused for a reason we don't know")
    if channel.state is State.IMPAIRED:
        return _impaired(lang, channel.cause)
    if channel.state is State.DISABLED and channel.needs_reconnect:
        return lang.say("Disabled, needs reconnecting")
    return state_name(lang, channel.state)


def _impaired(lang: Language, cause: Cause) -> str:
    """The state's own word first: it is also what is counted."""
    match cause:
        case Cause.PROVIDER_UNREACHABLE:
            return lang.say("Being checked: cannot be reached")
        case Cause.LOGIN_UNCLEAR | Cause.INBOX_CLOSED:
            return lang.say("Being checked: refused without a reason")
        case Cause.HELD:
            return lang.say("Being checked: trouble at the provider")
        case Cause.OURS_BROKEN:
            return lang.say("Being checked: waiting for the operator")
        case _:
            return lang.say("Being checked")


# ruff: noqa: PLR0911 - one return per case is how a closed set reads best


class Why(NamedTuple):
    """``why`` it is so, and the ``next_step``; the second is empty where nobody needs to act."""

    why: str
    next_step: str


def trouble_words(
    lang: Language,
    channel: Channel,
    provider_label: str,
    advice: Advice | None = None,
    unexplained: Unexplained | None = None,
) -> Why:
    """Of a channel as it is now. One refusal is no fact yet: nobody has to act on it. ``advice`` is for one
    that is held with many others; ``unexplained`` for one whose provider answers what nobody knows."""
    if is_held(channel) and advice is not None:
        return held_words(lang, advice, provider_label)
    if unexplained is not None:
        return unexplained_words(lang, unexplained, provider_label)
    if not is_refused_once(channel):
        return cause_words(lang, channel.cause, provider_label, channel.said)
    return Why(
        lang.say(
            "{company} refused it once ({cause}).",
            company=company(provider_label),
            cause=cause_in_short(lang, channel.cause, provider_label),
        ),
        lang.say("It is being checked again; you don't need to do anything yet."),
    )


def held_words(lang: Language, advice: Advice, provider_label: str) -> Why:
    """Why many are refused at once, and what to do: for the message about all of them, and for each."""
    at = company(provider_label)
    match advice:
        case Advice.WAIT:
            return cause_words(lang, Cause.HELD, provider_label)
        case Advice.RECONNECT:
            return Why(
                lang.say(
                    "{company} has been refusing several inboxes at once for too long to just wait.",
                    company=at,
                ),
                lang.say(
                    "If {company} works for you otherwise, reconnect: it is a policy, or the access was "
                    "removed. If not, it is an outage: keep waiting.",
                    company=at,
                ),
            )
        case Advice.ASK_ADMIN:
            then = ""
        case Advice.ASK_ADMIN_THEN_RECONNECT:
            then = lang.say("If it still does not work after that admin has changed the settings, reconnect.")
    return Why(
        lang.say(
            "{company} refuses only inboxes of this organisation: that looks like a setting of it.",
            company=at,
        ),
        lang.together(lang.say("Ask your {company} admin.", company=at), then),
    )


def unexplained_words(lang: Language, unexplained: Unexplained, provider_label: str) -> Why:
    """What the provider answers, as a code that nobody knows, and who can look once it has lasted."""
    at = shown(company(provider_label), 40)
    said = lang.say(
        "{company} refuses it with a reason we don't know: {code}.",
        company=at,
        code=shown(unexplained.code, 60),
    )
    if not unexplained.is_lasting:
        return Why(said, lang.say("It is being checked again; you don't need to do anything yet."))
    others = lang.say("Other inboxes there work.") if unexplained.others_work else ""
    look = lang.say(
        "Who can find out: your organisation's {company} admin, or whoever runs Inboxkeeper.", company=at
    )
    return Why(lang.together(said, others), look)


def is_refused_once(channel: Channel) -> bool:
    """Refused, and not yet known to be refused for good."""
    return channel.state is State.IMPAIRED and channel.cause in REFUSED_CAUSES


def cause_words(lang: Language, cause: Cause, provider_label: str, said: str = "") -> Why:
    """``said`` are the host's own words, where they are all that is known."""
    at = company(provider_label)
    match cause:
        case Cause.NONE:
            return Why(lang.say("The cause is not known yet."), "")
        case Cause.CHECKING:
            return Why(lang.say("The inbox is being checked."), lang.say("Wait a moment."))
        case Cause.PROVIDER_UNREACHABLE:
            return Why(
                lang.say("{company} cannot be reached at the moment.", company=at),
                lang.say("You don't need to do anything: we keep trying."),
            )
        case Cause.HELD:
            return Why(
                lang.say("{company} refuses several inboxes at once: an outage or a policy.", company=at),
                lang.say("Don't reconnect yet. We check every minute."),
            )
        case Cause.OURS_BROKEN:
            return Why(  # refused there, or a key lost here: which one is the operator's to know
                lang.say("Something is wrong with Inboxkeeper's own setup for {company}.", company=at),
                lang.say("Whoever runs Inboxkeeper has been told. You don't need to do anything."),
            )
        case Cause.LOGIN_UNCLEAR | Cause.INBOX_CLOSED:
            return _in_doubt(lang, cause, at, said)
        case Cause.BY_PERSON:
            return Why(lang.say("It was removed."), lang.say("Connect it again if it is needed."))
        case Cause.WORKSPACE_GONE:
            return Why(
                lang.say("Inboxkeeper was uninstalled from this workspace."),
                lang.say("Install it again and connect the inbox."),
            )
        case Cause.ACCOUNT_DISABLED | Cause.MAILBOX_MISSING | Cause.OTHER_MAILBOX:
            return _account(lang, cause, at)
        case _:
            return _refused(lang, cause, at)


def _in_doubt(lang: Language, cause: Cause, at: str, said: str) -> Why:
    """The host has answered and not said whose trouble it is: what it said, and both possibilities."""
    answer = lang.say("Its answer: {words}", words=lang.quoted(shown(said, 200))) if said else ""
    if cause is Cause.INBOX_CLOSED:
        return Why(
            lang.together(
                lang.say("{company} accepts the password, but does not open the inbox.", company=at), answer
            ),
            lang.say(
                "If this goes on, ask your mail host; with some, IMAP must be turned on in the "
                "mailbox's settings. We keep trying."
            ),
        )
    return Why(
        lang.together(
            lang.say(
                "{company} refuses the login without saying why: it may be the password, or trouble at the "
                "host.",
                company=at,
            ),
            answer,
        ),
        lang.say(
            "If the password was changed, reconnect and enter the new one. Otherwise there is "
            "nothing to do: we keep trying."
        ),
    )


def _refused(lang: Language, cause: Cause, at: str) -> Why:
    match cause:
        case Cause.SIGN_IN_AGAIN:
            return Why(
                lang.say("{company} asks the mailbox's owner to sign in again.", company=at),
                lang.say("Reconnect and sign in."),
            )
        case Cause.PERMISSION_MISSING:
            return Why(
                lang.say("{company} has not granted a permission that is needed.", company=at),
                lang.say("Reconnect and leave no box unticked.")
                if at == "Google"
                else lang.say("Reconnect and accept every permission."),
            )
        case Cause.ADMIN_POLICY:
            return Why(
                lang.say("Your organisation's {company} admin does not allow this app.", company=at),
                lang.say("Ask that admin to allow it, then reconnect."),
            )
        case Cause.ADMIN_CONSENT:
            return Why(
                lang.say("Your organisation's {company} admin has to approve this app first.", company=at),
                lang.say("Ask that admin to approve the app, then reconnect."),
            )
        case Cause.SHARED_ACCESS:
            return Why(
                lang.say(
                    "The person who signed in is not allowed to open this shared mailbox at {company}, "
                    "or no longer is.",
                    company=at,
                ),
                lang.say(
                    "Ask your {company} admin for full access to the mailbox, or reconnect as "
                    "somebody who has "
                    "it.",
                    company=at,
                ),
            )
        case Cause.PASSWORD_REFUSED:
            return Why(
                lang.say("{company} no longer accepts the password.", company=at),
                lang.say("Reconnect and enter the new one; some hosts require an app password."),
            )
        case _ if at == "Microsoft":  # which keeps a grant over a changed password
            return Why(
                lang.say(
                    "{company} no longer accepts our access. Usually it was removed there, or an admin ended "
                    "all sign-ins.",
                    company=at,
                ),
                lang.say("Reconnect and sign in."),
            )
        case _:
            return Why(
                lang.say(
                    "{company} no longer accepts our access. Usually the password was changed or the access "
                    "was removed.",
                    company=at,
                ),
                lang.say("Reconnect and sign in."),
            )


def _account(lang: Language, cause: Cause, at: str) -> Why:
    """Refused since the account itself has changed."""
    match cause:
        case Cause.ACCOUNT_DISABLED:
            return Why(
                lang.say("The account is disabled or deleted at {company}.", company=at),
                lang.say(
                    "Ask whoever manages your {company} accounts to restore it, then reconnect.", company=at
                ),
            )
        case Cause.MAILBOX_MISSING:
            return Why(
                lang.say("The account has no mailbox at {company}, or no longer has one.", company=at),
                lang.say(
                    "Ask whoever manages your {company} accounts to turn mail on, then reconnect.",
                    company=at,
                ),
            )
        case _:
            return Why(
                lang.say("The address now belongs to another account at {company}.", company=at),
                lang.say("Reconnect with the account that has this address now."),
            )


def cause_in_short(lang: Language, cause: Cause, provider_label: str) -> str:
    """The cause in two or three words: where many inboxes share a message."""
    match cause:
        case Cause.SIGN_IN_AGAIN:
            return lang.say("new sign-in needed")
        case Cause.ACCOUNT_DISABLED:
            return lang.say("account disabled")
        case Cause.PERMISSION_MISSING:
            return lang.say("permission missing")
        case Cause.MAILBOX_MISSING:
            return lang.say("no mailbox")
        case Cause.OTHER_MAILBOX:
            return lang.say("other account")
        case Cause.ADMIN_POLICY | Cause.ADMIN_CONSENT:
            return _admin_in_short(lang, cause, provider_label)
        case Cause.PASSWORD_REFUSED | Cause.LOGIN_UNCLEAR | Cause.INBOX_CLOSED:
            return _login_in_short(lang, cause)
        case Cause.SHARED_ACCESS:
            return lang.say("shared mailbox not open to whoever signed in")
        case Cause.NONE:
            return lang.say("cause not known yet")
        case Cause.CHECKING | Cause.PROVIDER_UNREACHABLE | Cause.HELD | Cause.OURS_BROKEN:
            return lang.say("cannot be checked")
        case _:
            return lang.say("access refused")


def _admin_in_short(lang: Language, cause: Cause, provider_label: str) -> str:
    if cause is Cause.ADMIN_POLICY:
        return lang.say("not allowed by {company} admin", company=company(provider_label))
    return lang.say("needs the {company} admin's approval", company=company(provider_label))


def _login_in_short(lang: Language, cause: Cause) -> str:
    match cause:
        case Cause.LOGIN_UNCLEAR:
            return lang.say("login refused without a reason")
        case Cause.INBOX_CLOSED:
            return lang.say("inbox not opened")
    return lang.say("password refused")


def operator_words(lang: Language, provider_label: str, code: str) -> Why:
    """What the operator reads when the provider refuses our own registration."""
    at = company(provider_label)
    if code == "key_lost":
        return Why(
            lang.say("The key that opens stored permissions of {company} is missing.", company=at),
            lang.say("Put it into INBOXKEEPER_SECRET_KEYS and restart Inboxkeeper."),
        )
    said = shown(code, 60)
    why = (
        lang.say("{company} does not accept Inboxkeeper's own client ({code}).", company=at, code=said)
        if said
        else lang.say("{company} does not accept Inboxkeeper's own client.", company=at)
    )
    step = lang.say("Check the client ID and secret in the settings, then restart Inboxkeeper.")
    if at != "Google":
        return Why(why, step)
    unused = lang.say(
        "Google also deletes clients that nobody has used for six months; under Google Auth Platform › "
        "Clients a deleted one can be restored for 30 days."
    )
    return Why(why, lang.together(step, unused))


def socket_words(lang: Language, code: str) -> Why:
    """What the operator reads when Slack gives us no Socket Mode connection."""
    if code == "link_disabled":
        return Why(
            lang.say("Slack sends Inboxkeeper nothing: Socket Mode is turned off in the app's settings."),
            lang.say(
                "Turn it on at {place}. Inboxkeeper notices within five minutes.",
                place="api.slack.com/apps › Socket Mode",
            ),
        )
    return Why(
        lang.say(
            "Slack sends Inboxkeeper nothing: it does not accept {setting} ({code}).",
            setting="INBOXKEEPER_SLACK_APP_TOKEN",
            code=shown(code, 60),
        ),
        lang.say(
            "Create an app-level token with the scope {scope} at {place}, put it into the "
            "settings, then restart Inboxkeeper.",
            scope="connections:write",
            place="api.slack.com/apps › Basic Information",
        ),
    )
