"""The form for mailboxes with a password. What was typed is shown again, but never the password.

The one rule: the password has one way, from this form to the mail host and sealed into the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.domain.errors import (
    AdminActionNeeded,
    FormFault,
    GrantRejected,
    InboxkeeperError,
    MailboxGone,
    SignInElsewhere,
    TooManyLogins,
)
from bot.views.i18n import Language
from bot.views.pages.template import SOME_TEAM, Team, back_to, render
from bot.views.text import shown
from bot.views.wording.imap import fault_words, guide_of

_LONGEST: Final = 300
_SERVER: Final = frozenset({"host", "port", "security"})
_FOUND_IT: Final = (GrantRejected, MailboxGone, AdminActionNeeded, TooManyLogins)
"""Troubles in which the server's name was right: it has answered, or was not asked."""


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled input of the form."""

    name: str
    label: str
    value: str
    kind: str = "text"
    autocomplete: str = "off"
    is_wrong: bool = False
    hint: str = ""


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

    @property
    def is_folded(self) -> bool:
        """The mail server is known, and not what was wrong: nobody needs to read host and port."""
        if not self.given.get("host"):
            return False
        if isinstance(self.error, FormFault):
            return self.error.name not in _SERVER
        return self.error is None or isinstance(self.error, _FOUND_IT)


def mailbox_page(lang: Language, form: MailboxForm, *, team: Team = SOME_TEAM) -> str:
    """Host, port, security, user name and password; the first three folded away where they were found."""
    error, host = form.error, form.given.get("host", "")
    problem = None if error is None else fault_words(lang, error, host)
    guide = guide_of(lang, form.guidance)
    wrong = error.name if isinstance(error, FormFault) else ""
    return render(
        lang,
        "mailbox.html",
        problem.title if problem else lang.say("Sign in to {address}", address=shown(form.address)),
        intro=lang.say("Inboxkeeper checks that it can open this mailbox. It reads and changes no mail."),
        problem=problem,
        tone="calm" if isinstance(error, SignInElsewhere) else "bad",
        host_says=_host_says(lang, error),
        tries=_tries(lang, form.tries_left),
        is_over=form.tries_left == 0,
        over=lang.say("That was the last try with this link. Ask for a new one in Slack."),
        team_url=team.url,
        team=back_to(lang, team),
        address_label=lang.say("Address"),
        address=shown(form.address),
        is_folded=form.is_folded,
        found=_found(lang, host, is_ours=error is None),
        server=_server(lang, form.given, wrong),
        account=_account(lang, form.given, wrong, has_guide=guide is not None),
        security_label=lang.say("Security"),
        securities=(("tls", "TLS"), ("starttls", "STARTTLS")),
        security=form.given.get("security", "tls"),
        guide=guide,
        guide_label=lang.say("How to create an app password") if guide else "",
        action_url=form.action_url,
        go=lang.say("Check and connect"),
        show=lang.say("Show"),
        hide=lang.say("Hide"),
        safe=lang.say(
            "The password goes to this host only, encrypted on the way and where it is stored. Nobody can "
            "read it in Slack."
        ),
    )


def _found(lang: Language, host: str, *, is_ours: bool) -> str:
    at = shown(host, 80)
    if is_ours:
        return lang.say("Mail server: {host} (found automatically)", host=at)
    return lang.say("Mail server: {host}", host=at)


def _server(lang: Language, given: Mapping[str, str], wrong: str) -> tuple[Field, ...]:
    usual = lang.say("Usually 993 with TLS, or 143 with STARTTLS.")
    return (
        Field("host", lang.say("IMAP host"), _typed(given, "host"), is_wrong=wrong == "host"),
        Field(
            "port", lang.say("Port"), _typed(given, "port"), "number", is_wrong=wrong == "port", hint=usual
        ),
    )


def _account(lang: Language, given: Mapping[str, str], wrong: str, *, has_guide: bool) -> tuple[Field, ...]:
    """Said before the first failure; where the host is known, its guide has said it."""
    app_password = lang.say(
        "Many hosts require an app password here instead of your usual one. You create it in "
        "your account's security settings there."
    )
    return (
        Field("user", lang.say("User name"), _typed(given, "user"), "text", "username", wrong == "user"),
        Field(
            "password",
            lang.say("Password"),
            "",
            "password",
            "current-password",
            wrong == "password",
            hint="" if has_guide else app_password,
        ),
    )


def _typed(given: Mapping[str, str], name: str) -> str:
    return given.get(name, "")[:_LONGEST]


def _host_says(lang: Language, error: InboxkeeperError | None) -> str:
    said = shown(getattr(error, "said", ""), 200)
    return lang.say("The mail host says: {words}", words=lang.quoted(said)) if said else ""


def _tries(lang: Language, left: int | None) -> str:
    return lang.count("{n} try left.", "{n} tries left.", left) if left else ""
