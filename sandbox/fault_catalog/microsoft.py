"""What can go wrong at Microsoft, and what an organisation's admin decides there."""

from __future__ import annotations

from typing import Any, Final

from sandbox.fault_catalog.lever import Group, Lever

_BREAK: Final = "/control/microsoft/break"
_MEND: Final = "/control/microsoft/mend"
_TENANT: Final = "/control/microsoft/tenant"
ACME: Final = "acme.example"


def _microsoft(key: str, label: str, happens: str, expect: str, **more: Any) -> Lever:
    return Lever(f"microsoft_{key}", label, happens, expect, _BREAK, {"what": key, **more})


MICROSOFT_ACCOUNT: Final = Group(
    "microsoft_account",
    "One Microsoft account",
    (
        _microsoft(
            "consent_revoked",
            "Revoke access",
            "The person removes Inboxkeeper from the apps that may use their account.",
            "Within seconds the owner gets a direct message with Reconnect. Reconnecting mends it, and the "
            "message then says so.",
        ),
        _microsoft(
            "sessions_revoked",
            "Sign out everywhere",
            "The person signs out of all sessions, or the admin does it for them.",
            "The same as after revoking. At Microsoft a new sign-in is enough, nothing is asked again.",
        ),
        _microsoft(
            "password_reset",
            "Reset the password",
            "The admin sets a new password for the person, which ends every sign-in.",
            "The same message.",
        ),
        _microsoft(
            "idle_expired",
            "Let it expire unused",
            "Nobody used the permission for ninety days.",
            "The same message.",
        ),
        _microsoft(
            "mfa_demanded",
            "Demand a second factor",
            "A policy wants a second factor, and the last sign-in had none.",
            "A direct message that asks the person to sign in again. Reconnecting mends it.",
        ),
        _microsoft(
            "conditional_access",
            "Block by a policy",
            "The organisation's rules no longer let this sign-in pass.",
            "A direct message about what the admin has to do. Mend stands for the admin changing the rule.",
        ),
        _microsoft(
            "user_disabled",
            "Block sign-in",
            "The admin disables the account, as when somebody leaves.",
            "A direct message that says so. Mend, and it is well again by itself.",
        ),
        _microsoft(
            "licence_taken",
            "Take the licence away",
            "The account can sign in, but has no mailbox any more.",
            "A direct message about the mailbox, which names who can mend it. Mend, and it is well again by "
            "itself.",
        ),
        _microsoft(
            "rights_taken",
            "Take the rights to share away",
            "The admin no longer lets other people open this mailbox. Choose help@acme.example.",
            "A message about the shared mailbox and who can mend it; its delegates' own inboxes go on.",
        ),
        Lever(
            "mend_microsoft_account",
            "Mend",
            "Whatever was broken above for this account works again. What was revoked stays revoked, as it "
            "would at Microsoft: that takes a Reconnect.",
            "An open message says by itself that the inbox works again.",
            _MEND,
            mends=True,
        ),
    ),
    names="account",
)

TENANT: Final = Group(
    "tenant",
    "The tenant Acme (Microsoft 365)",
    (
        Lever(
            "microsoft_demand_approval",
            "Demand the admin's approval",
            "People may no longer allow apps into mail by themselves: Microsoft's own default. What they "
            "allowed before still counts.",
            "Connecting leads to a page that says so. Back from there, the bot's page offers a message for "
            "the admin (Omar), with a link to approve.",
            _TENANT,
            {"tenant": ACME, "users_may_consent": False, "takes_requests": False},
        ),
        Lever(
            "microsoft_take_requests",
            "Let people ask the admin",
            "The same, but people can write to their admin on Microsoft's own page.",
            "Whoever asked gets a message in Slack for the admin (Omar), with a link to approve.",
            _TENANT,
            {"tenant": ACME, "users_may_consent": False, "takes_requests": True},
        ),
        Lever(
            "microsoft_approve",
            "Approve as the admin",
            "The admin allows Inboxkeeper to look at mail, for everybody.",
            "Whoever connects now is asked nothing more at Microsoft.",
            "/control/microsoft/approve",
            {"tenant": ACME},
            mends=True,
        ),
        _microsoft(
            "approval_withdrawn",
            "Withdraw the approval",
            "The admin takes the permissions back, for everybody, and lets nobody allow them again.",
            "With one inbox connected there, its owner is told; with several, the admins get one message "
            "about all of them. Whoever reconnects reads at Microsoft what is missing. Approve mends it.",
            tenant=ACME,
        ),
        _microsoft(
            "exchange_withdrawn",
            "Withdraw IMAP and SMTP",
            "Programs may no longer log in there; everything else that was allowed stays.",
            "The mailboxes stay connected. A program that asks for such a token is told that the mailbox "
            "must be reconnected once for that.",
            tenant=ACME,
        ),
        _microsoft(
            "app_blocked",
            "Block the app",
            "The admin disables Inboxkeeper for the whole organisation.",
            "With one inbox connected there, its owner gets words for the admin; with several, the bot's "
            "admins get one message about all of them. Personal accounts and other organisations go on.",
            tenant=ACME,
        ),
        _microsoft(
            "not_assigned",
            "Let in only who is assigned",
            "The admin lets only chosen people use the app, and nobody is chosen.",
            "The same as after blocking the app.",
            tenant=ACME,
        ),
        Lever(
            "microsoft_let_people",
            "Let people consent again",
            "People may allow apps into their own mail, as in the beginning.",
            "Connecting needs nobody else any more.",
            _TENANT,
            {"tenant": ACME, "users_may_consent": True, "takes_requests": False},
            mends=True,
        ),
        Lever(
            "mend_tenant",
            "Mend the tenant",
            "Nothing of the organisation is blocked any more. A withdrawn approval stays withdrawn.",
            "Open messages say by themselves that all is well again.",
            _MEND,
            {"tenant": ACME},
            mends=True,
        ),
    ),
)

MICROSOFT: Final = Group(
    "microsoft",
    "All of Microsoft",
    (
        _microsoft(
            "outage",
            "Refuse everybody",
            "An outage at Microsoft, during which every sign-in seems to be revoked.",
            "With three or more inboxes connected nobody is told to reconnect; with a single one there is "
            "nothing to compare it with, and its owner is told. Mend, and all of it is over by itself.",
        ),
        _microsoft(
            "server_error",
            "Answer 503",
            "Microsoft has trouble and says so.",
            "No message: nobody can do anything. The list shows the inbox as not reachable at present.",
        ),
        _microsoft(
            "slow",
            "Be slow",
            "Every sign-in takes five seconds.",
            "Slack answers as fast as ever. Connecting takes longer, and succeeds.",
            seconds=5,
        ),
        _microsoft(
            "throttled",
            "Throttle",
            "Too many requests: Microsoft wants us to come back later.",
            "No message. The list shows the inbox as not reachable at present.",
        ),
        _microsoft(
            "tenant_throttled",
            "Throttle in disguise",
            "The same, but Microsoft words it as if the permission were gone.",
            "No message either.",
        ),
        _microsoft(
            "secret_expired",
            "Let our secret expire",
            "Whoever runs Inboxkeeper let its own client secret at Microsoft expire.",
            "Nobody is asked to reconnect: it is not their fault. The one who runs the bot is told, once.",
        ),
        Lever(
            "mend_microsoft",
            "Mend all of Microsoft",
            "Microsoft works again, for every account.",
            "Open messages say by themselves that all is well again.",
            _MEND,
            {"all": True},
            mends=True,
        ),
    ),
)
