"""What a mail host's refusals mean.

The one rule: they are classified by response code (RFC 5530) and shape, in the two tables below. A ``NO``
whose code is in neither, or that has none, is weak evidence: it may be the password and it may be the host,
so it is *unavailable* with a doubt, and the host's own words are shown. Three sentences are known beside the
codes, because hosts that millions use say nothing else; that a text speaks plainly of a wrong password is
only for whoever has just typed one. What is handed on of a host's words is shortened and inert, and never
logged: nobody knows what is in it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from bot.domain.channel import DOUBT_CAUSES, Cause
from bot.domain.errors import (
    AdminActionNeeded,
    GrantRejected,
    MailboxGone,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from providers.imap.protocol import ImapAnswer, inert_words, is_no_such_way

log = logging.getLogger(__name__)

ErrorTable = Mapping[str, Callable[[str], ProviderError]]

_UNKNOWN_REMEMBERED: Final = 200


def _refused(code: str) -> ProviderError:
    return GrantRejected(code, Cause.PASSWORD_REFUSED)


def _sign_in_again(code: str) -> ProviderError:
    return GrantRejected(code, Cause.SIGN_IN_AGAIN)


def _admin(code: str) -> ProviderError:
    return AdminActionNeeded(code)


def _no_mailbox(code: str) -> ProviderError:
    return MailboxGone(code)


def _unclear(code: str) -> ProviderError:
    return ProviderUnavailable(code, doubt=Cause.LOGIN_UNCLEAR)


def _closed(code: str) -> ProviderError:
    return ProviderUnavailable(code, doubt=Cause.INBOX_CLOSED)


LOGIN_ERRORS: Final[ErrorTable] = {
    "AUTHENTICATIONFAILED": _refused,
    "EXPIRED": _refused,
    "APP_PASSWORD": _refused,  # ours: an alert that asks for an app password
    "WEBALERT": _sign_in_again,  # Google's: the person must look at a page first
    "AUTHORIZATIONFAILED": _admin,
    "CONTACTADMIN": _admin,
    "LOGINDISABLED": _admin,  # ours: no way to log in with a password is offered
    "NO_MAILBOX": _no_mailbox,  # ours: logged in, and then no mailbox behind it
    "PRIVACYREQUIRED": ProviderMisconfigured,
    "UNAVAILABLE": ProviderUnavailable,
    "SERVERBUG": ProviderUnavailable,
    "INUSE": ProviderUnavailable,
    "LIMIT": ProviderUnavailable,
    "OVERQUOTA": ProviderUnavailable,
    "MECHANISM": ProviderUnavailable,  # ours: it knows none of the ways to log in that we know
    "BYE": ProviderUnavailable,
    "NO": _unclear,  # a refusal without a code: older hosts know no other, for whatever reason
    "CREDENTIALS": _unclear,  # ours: the same, in words that speak plainly of a wrong password
}
"""Answers to a login, by code."""

EXAMINE_ERRORS: Final[ErrorTable] = {
    "NONEXISTENT": _no_mailbox,
    "NO_MAILBOX": _no_mailbox,
    "NOPERM": _admin,
    "AUTHORIZATIONFAILED": _admin,
    "CONTACTADMIN": _admin,
    "EXPIRED": _refused,
    "UNAVAILABLE": _closed,
    "SERVERBUG": _closed,
    "INUSE": _closed,
    "LIMIT": _closed,
    "OVERQUOTA": _closed,
    "NO": _closed,
    "BYE": ProviderUnavailable,
}
"""Answers to a look into INBOX, by code."""

_NOT_CONNECTED: Final = re.compile(r"authenticated but not connected", re.IGNORECASE)
"""Exchange: the login was right, and IMAP is switched off for the mailbox."""
_APP_PASSWORD: Final = re.compile(
    r"\b(application|app)([- ]specific)?[- ]passwords?\b|\bauthori[sz](ed|ation) code\b", re.IGNORECASE
)
"""As hosts write it; in China it is called an authorization code."""


_PLAINLY: Final = re.compile(
    r"\b(invalid|incorrect|wrong|bad)\W+(\w+\W+){0,3}?(credentials?|password|passwd)\b"
    r"|\b(credentials?|password)\W+(\w+\W+){0,2}?(invalid|incorrect|wrong)\b",
    re.IGNORECASE,
)
"""Words of a wrong password."""
_NOT_ONLY: Final = re.compile(
    r"\b(too (many|often|much|frequent\w*)|rate|frequen\w+|limit\w*|attempts?|blocked|locked|suspended"
    r"|disabled|not (open|enabled|active|activated)|busy|overload\w*|tempora\w+|unavailable|later"
    r"|abnormal)\b",
    re.IGNORECASE,
)
"""Words of something else: beside them the password is one of several guesses, or was not looked at."""


class ImapErrors:
    """Makes errors of answers. Remembers which unknown codes it has reported."""

    def __init__(self) -> None:
        self._unknown: set[str] = set()

    def of_login(self, answer: ImapAnswer) -> ProviderError:
        """A login that was not accepted."""
        return self._classified(answer, LOGIN_ERRORS, _unclear)

    def of_examine(self, answer: ImapAnswer) -> ProviderError:
        """A mailbox that could not be looked into."""
        return self._classified(answer, EXAMINE_ERRORS, _closed)

    def _classified(
        self, answer: ImapAnswer, table: ErrorTable, otherwise: Callable[[str], ProviderError]
    ) -> ProviderError:
        code = _code_of(answer)
        if code not in table:
            error = self._unknown_code(code, otherwise if answer.status == "NO" else ProviderUnavailable)
        else:
            error = table[code](code)
        is_all_there_is = isinstance(error, ProviderUnavailable) and error.doubt in DOUBT_CAUSES
        error.said = alert_of(answer) or (inert_words(answer.text) if is_all_there_is else "")
        return error

    def _unknown_code(self, code: str, make: Callable[[str], ProviderError]) -> ProviderError:
        if code not in self._unknown and len(self._unknown) < _UNKNOWN_REMEMBERED:
            self._unknown.add(code)
            log.warning("A mail host answered with a code we do not know: %s", code)
        error = make(code)
        if isinstance(error, ProviderUnavailable):
            error.unknown_code = True
        return error


def _code_of(answer: ImapAnswer) -> str:
    """The answer's code; where it says nothing (``NO`` alone) or only that people must read it, what its
    shape says."""
    if _NOT_CONNECTED.search(answer.text):
        return "NO_MAILBOX"
    if is_no_such_way(answer):
        return "MECHANISM"
    wants_other = any(_APP_PASSWORD.search(text) for text in (answer.text, *_alerts(answer)))
    if answer.code in {"", "ALERT"}:
        told = [code for line in answer.lines if (code := _untagged_code(line)) in LOGIN_ERRORS]
        plainly = "CREDENTIALS" if answer.status == "NO" and _is_plain(answer.text) else answer.status
        return "APP_PASSWORD" if wants_other else told[0] if told else plainly
    if answer.code == "AUTHENTICATIONFAILED" and wants_other:
        return "APP_PASSWORD"
    return answer.code


def _is_plain(text: str) -> bool:
    """Whether a wrong password is all that a refusal speaks of."""
    return bool(_PLAINLY.search(text)) and not _NOT_ONLY.search(text)


def alert_of(answer: ImapAnswer) -> str:
    """What the host demands that people read, as plain words; empty if nothing."""
    return inert_words(" ".join(_alerts(answer)))


def words_of(heard: Sequence[str]) -> str:
    """What a host has said of its own accord (untagged status lines), as plain words."""
    told = [line.partition(" ")[2] for line in heard]
    return inert_words(" ".join(re.sub(r"^\[[^\]]*\] ?", "", text) for text in told))


def _alerts(answer: ImapAnswer) -> list[str]:
    found = [line.partition(" ")[2] for line in answer.lines]
    texts = [text[len("[ALERT]") :] for text in found if text.upper().startswith("[ALERT]")]
    return [*texts, *([answer.text] if answer.code == "ALERT" else [])]


def _untagged_code(line: str) -> str:
    found = re.match(r"(?:NO|BAD|OK|BYE) \[([^\]\s]+)", line, re.IGNORECASE)
    return found[1].upper() if found else ""
