"""The form for mailboxes with a password. What was typed is shown again, but never the password.

The one rule: the password has one way, from this form to the mail host and sealed into the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.errors import FormFault, InboxkeeperError
from bot.views.i18n import Language
from bot.views.pages.template import render
from bot.views.text import shown
from bot.views.wording.imap import fault_words, guide_of

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled input of the form."""

    name: str
    label: str
    value: str
    kind: str = "text"
    autocomplete: str = "off"
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class MailboxForm:
    """The form as somebody finds it: empty, or as they sent it."""

    address: str
    """As whom to sign in."""
    given: Mapping[str, str]
    guidance: str
    action_url: str
    error: InboxkeeperError | None = None
    """Why the last try did not do."""
    tries_left: int | None = None


def mailbox_page(lang: Language, form: MailboxForm) -> str:
    """Host, port, security, user name and password."""
    error = form.error
    problem = None if error is None else fault_words(lang, error, form.given.get("host", ""))
    guide = guide_of(lang, form.guidance)
    return render(
        lang,
        "mailbox.html",
        lang.say("Sign in to {address}", address=shown(form.address)),
        intro=lang.say("Inboxkeeper looks whether this mailbox opens. It reads and changes no mail."),
        problem=problem,
        host_says=_host_says(lang, error),
        tries=_tries(lang, form.tries_left),
        is_over=form.tries_left == 0,
        over=lang.say("That was the last try with this link. Ask for a new one in Slack."),
        address_label=lang.say("Address"),
        address=shown(form.address),
        fields=_fields(lang, form.given, error.name if isinstance(error, FormFault) else ""),
        security_label=lang.say("Security"),
        securities=(("tls", "TLS (993)"), ("starttls", "STARTTLS (143)")),
        security=form.given.get("security", "tls"),
        guide=guide,
        guide_label=lang.say("How to make an app password") if guide else "",
        action_url=form.action_url,
        go=lang.say("Check and connect"),
        safe=lang.say(
            "The password goes to this host only, encrypted on the way and where it is stored. Nobody can "
            "read it in Slack."
        ),
    )


def _fields(lang: Language, given: Mapping[str, str], wrong: str) -> tuple[Field, ...]:
    def field(name: str, label: str, *, kind: str = "text", autocomplete: str = "off") -> Field:
        value = given.get(name, "")[:_LONGEST] if name != "password" else ""
        return Field(name, label, value, kind, autocomplete, name == wrong)

    return (
        field("host", lang.say("IMAP host")),
        field("port", lang.say("Port"), kind="number"),
        field("user", lang.say("User name"), autocomplete="username"),
        field("password", lang.say("Password"), kind="password", autocomplete="current-password"),
    )


def _host_says(lang: Language, error: InboxkeeperError | None) -> str:
    said = shown(getattr(error, "said", ""), 200)
    return lang.say("The mail host says: {words}", words=lang.quoted(said)) if said else ""


def _tries(lang: Language, left: int | None) -> str:
    return lang.count("{n} try left.", "{n} tries left.", left) if left else ""
