"""Logging in at a mail host with an access token, in the manners of two providers.

The one rule: a token opens a mailbox only if whoever issued it says so; the host knows nothing itself.
Sources: Google's "XOAUTH2 mechanism" and RFC 7628; Microsoft's "Authenticate an IMAP, POP or SMTP connection
using OAuth", which knows XOAUTH2 alone and refuses without a challenge.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BEARER: Final = {
    "XOAUTH2": re.compile("user=(?P<user>[^\x01]+)\x01auth=Bearer (?P<token>[^\x01]+)\x01\x01"),
    # RFC 7628; host and port may be left out.
    "OAUTHBEARER": re.compile(
        "n,a=(?P<user>[^\x01,]+),\x01(?:(?:host|port)=[^\x01]*\x01)*auth=Bearer (?P<token>[^\x01]+)\x01\x01"
    ),
}


class Verdict(StrEnum):
    """What is said of a token that somebody shows."""

    TAKEN = "taken"
    REFUSED = "refused"
    """Unknown, ended, of another account, or for something else."""
    ENDS_SOON = "ends_soon"


TokenCheck = Callable[[str, str], Verdict]
"""Of the address that it is to open, and the token."""


@dataclass(frozen=True)
class Manners:
    """How a provider's hosts speak of tokens."""

    mechanisms: tuple[str, ...]
    challenge: str
    """What comes before a refusal, in base64; empty where nothing does."""
    imap: str
    """A refusal, behind its ``NO``."""
    smtp: Mapping[Verdict, str]


GMAIL: Final = Manners(
    mechanisms=("XOAUTH2", "OAUTHBEARER"),
    challenge=base64.b64encode(
        json.dumps({"status": "400", "schemes": "Bearer", "scope": "https://mail.google.com/"}).encode()
    ).decode(),
    imap="[AUTHENTICATIONFAILED] Invalid credentials (Failure)",
    smtp=dict.fromkeys(
        (Verdict.REFUSED, Verdict.ENDS_SOON),
        "535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
        "535 5.7.8  https://support.google.com/mail/?p=BadCredentials - gsmtp",
    ),
)
EXCHANGE: Final = Manners(
    mechanisms=("XOAUTH2",),
    challenge="",
    imap="AUTHENTICATE failed.",
    smtp={
        Verdict.REFUSED: "535 5.7.3 Authentication unsuccessful [HARBOR.PROD.OUTLOOK.COM]",
        Verdict.ENDS_SOON: "501 5.5.127 Token will expire soon [HARBOR.PROD.OUTLOOK.COM]",
    },
)
