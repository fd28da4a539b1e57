"""What a mail host's refusals mean.

The one rule: they are classified by response code (RFC 5530) and shape, in the two tables below; a code
that is in neither is *unavailable*, logged once, and nobody is asked to act. Three sentences are known
beside the codes, because hosts that millions use say nothing else. What a host demands that people read
(``[ALERT]``, RFC 3501) is handed on shortened and inert, and never logged: nobody knows what is in it.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

from bot.domain.cause import Cause
from bot.domain.errors import (
    AdminActionNeeded,
    GrantRejected,
    MailboxGone,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
)
from providers.imap_wire import Answer

log = logging.getLogger(__name__)

ErrorTable = Mapping[str, Callable[[str], ProviderError]]

_UNKNOWN_REMEMBERED: Final = 200
_LONGEST_ALERT: Final = 200


def _refused(code: str) -> ProviderError:
    return GrantRejected(code, Cause.PASSWORD_REFUSED)


def _sign_in_again(code: str) -> ProviderError:
    return GrantRejected(code, Cause.SIGN_IN_AGAIN)


def _admin(code: str) -> ProviderError:
    return AdminActionNeeded(code)


def _no_mailbox(code: str) -> ProviderError:
    return MailboxGone(code)


LOGIN_ERRORS: Final[ErrorTable] = {
    "AUTHENTICATIONFAILED": _refused,
    "EXPIRED": _refused,
    "APP_PASSWORD": _refused,  # ours: an alert that asks for an app password
    "NO": _refused,  # a refusal without a code: older hosts know no other
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
    "BYE": ProviderUnavailable,
}
"""Answers to a login, by code."""

EXAMINE_ERRORS: Final[ErrorTable] = {
    "NONEXISTENT": _no_mailbox,
    "NO_MAILBOX": _no_mailbox,
    "NOPERM": _admin,
    "AUTHORIZATIONFAILED": _admin,
    "CONTACTADMIN": _admin,
    "EXPIRED": _refused,
    "UNAVAILABLE": ProviderUnavailable,
    "SERVERBUG": ProviderUnavailable,
    "INUSE": ProviderUnavailable,
    "LIMIT": ProviderUnavailable,
    "OVERQUOTA": ProviderUnavailable,
    "NO": ProviderUnavailable,
    "BYE": ProviderUnavailable,
}
"""Answers to a look into INBOX, by code."""

_NOT_CONNECTED: Final = re.compile(r"authenticated but not connected", re.IGNORECASE)
"""Exchange: the login was right, and IMAP is switched off for the mailbox."""
_APP_PASSWORD: Final = re.compile(r"(application|app)[- ]specific password|app password", re.IGNORECASE)


class ImapErrors:
    """Makes errors of answers. Remembers which unknown codes it has reported."""

    def __init__(self) -> None:
        self._unknown: set[str] = set()

    def of_login(self, answer: Answer) -> ProviderError:
        """A login that was not accepted."""
        return self._classified(answer, LOGIN_ERRORS)

    def of_examine(self, answer: Answer) -> ProviderError:
        """A mailbox that could not be looked into."""
        return self._classified(answer, EXAMINE_ERRORS)

    def _classified(self, answer: Answer, table: ErrorTable) -> ProviderError:
        code = _code_of(answer)
        error = table[code](code) if code in table else self._unknown_code(code)
        error.said = alert_of(answer)
        return error

    def _unknown_code(self, code: str) -> ProviderUnavailable:
        if code not in self._unknown and len(self._unknown) < _UNKNOWN_REMEMBERED:
            self._unknown.add(code)
            log.warning("A mail host answered with a code we do not know: %s", code)
        return ProviderUnavailable(code, unknown_code=True)


def _code_of(answer: Answer) -> str:
    """The answer's code; where it says nothing (``NO`` alone) or only that people must read it, what its
    shape says."""
    if _NOT_CONNECTED.search(answer.text):
        return "NO_MAILBOX"
    if answer.code in {"", "ALERT"}:
        wants_other = any(_APP_PASSWORD.search(text) for text in (answer.text, *_alerts(answer)))
        told = [code for line in answer.lines if (code := _untagged_code(line)) in LOGIN_ERRORS]
        return "APP_PASSWORD" if wants_other else told[0] if told else answer.status
    if answer.code in {"AUTHENTICATIONFAILED"} and any(_APP_PASSWORD.search(it) for it in _alerts(answer)):
        return "APP_PASSWORD"
    return answer.code


def alert_of(answer: Answer) -> str:
    """What the host demands that people read, as plain words; empty if nothing."""
    given = " ".join(_alerts(answer))
    plain = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in given)
    words = " ".join(plain.split())
    return words if len(words) <= _LONGEST_ALERT else words[: _LONGEST_ALERT - 1] + "…"


def _alerts(answer: Answer) -> list[str]:
    found = [line.partition(" ")[2] for line in answer.lines]
    texts = [text[len("[ALERT]") :] for text in found if text.upper().startswith("[ALERT]")]
    return [*texts, *([answer.text] if answer.code == "ALERT" else [])]


def _untagged_code(line: str) -> str:
    found = re.match(r"(?:NO|BAD|OK|BYE) \[([A-Z-]+)", line, re.IGNORECASE)
    return found[1].upper() if found else ""
