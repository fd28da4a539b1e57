"""What can go wrong at an ordinary mail host."""

from __future__ import annotations

from typing import Final

from sandbox.fault_catalog.lever import Group, Lever

_IMAP: Final = "/control/imap/break"


def _imap(key: str, label: str, happens: str, expect: str) -> Lever:
    return Lever(f"imap_{key}", label, happens, expect, _IMAP, {"what": key})


MAILBOX: Final = Group(
    "mailbox",
    "One mailbox at Harbor Mail (IMAP)",
    (
        _imap(
            "password_changed",
            "Change its password",
            "The person changes the password at their mail host; the new one stands in the table above.",
            "A direct message says that the password is refused; its Reconnect leads to the form.",
        ),
        _imap(
            "app_password",
            "Demand an app password",
            "The host no longer takes the ordinary password from programs like this one.",
            "The same message. Mend stands for an app password having been made.",
        ),
        _imap(
            "contact_admin",
            "Let the host's admin refuse",
            "The host refuses the login and sends people to its admin.",
            "A direct message that names who can mend it. Mend, and it is well again by itself.",
        ),
        Lever(
            "mend_mailbox",
            "Mend the mailbox",
            "What was broken above works again. A changed password stays changed.",
            "An open message says by itself that the inbox works again, at the next look.",
            "/control/imap/mend",
            mends=True,
        ),
    ),
    names="account",
)

HARBOR: Final = Group(
    "harbor",
    "All of Harbor Mail",
    (
        _imap(
            "lockout",
            "Lock everybody out",
            "The host refuses every login, as after too many attempts.",
            "With several of its inboxes connected it is one message about the host, and no more logins than "
            "it bears.",
        ),
        _imap(
            "unavailable",
            "Be out of order",
            "The host answers, and says that it cannot look anybody up right now.",
            "No message: nobody can do anything. The list shows the inbox as not reachable at present.",
        ),
        _imap(
            "generic_failure",
            "Refuse without a reason",
            "The host refuses every login and does not say why, as one whose user database is down.",
            "No message for an hour: it may be the host, and it may be the passwords. The list shows the "
            "host's own words; mend it, and the next look finds it well.",
        ),
        _imap(
            "expired_certificate",
            "Let its certificate expire",
            "Nobody can be sure any more that this is the right host.",
            "Nothing is sent to it, least of all a password; the list shows the inbox as not reachable.",
        ),
        Lever(
            "mend_harbor",
            "Mend all of Harbor Mail",
            "The host works again, for every mailbox.",
            "Open messages say by themselves that all is well again.",
            "/control/imap/mend",
            mends=True,
        ),
    ),
)
