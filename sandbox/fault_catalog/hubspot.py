"""What can happen to team channels in HubSpot, and what can go wrong with HubSpot itself."""

from __future__ import annotations

from typing import Any, Final

from sandbox.fault_catalog.lever import Group, Lever

_DO: Final = "/control/hubspot/do"
_BREAK: Final = "/control/hubspot/break"


def _deed(key: str, label: str, happens: str, expect: str, **more: Any) -> Lever:
    return Lever(f"hubspot_{key}", label, happens, expect, _DO, {"what": key}, **more)


def _fault(key: str, label: str, happens: str, expect: str) -> Lever:
    return Lever(f"hubspot_{key}", label, happens, expect, _BREAK, {"what": key})


HUBSPOT_CHANNEL: Final = Group(
    "hubspot_channel",
    "One team channel in HubSpot",
    (
        _deed(
            "disconnect",
            "Disconnect it",
            "HubSpot loses the permission at the mail provider.",
            "After two looks the admins get one message; its button opens HubSpot's page, which mends it.",
        ),
        _deed(
            "turn_off",
            "Turn it off",
            "Somebody switches the channel off in HubSpot's settings.",
            "The admins read it once, without an alarm.",
        ),
        _deed(
            "remove",
            "Remove it",
            "Somebody removes the channel in HubSpot's settings.",
            "The admins read once that it was removed, or disconnected and removed.",
        ),
        _deed(
            "vanish",
            "Let it vanish",
            "HubSpot no longer lists the channel, without a word.",
            "The same message as for one that was removed: HubSpot does not say which.",
        ),
        _deed(
            "reconnect",
            "Reconnect it",
            "Somebody reconnects the channel in HubSpot.",
            "At the next look the open message says that it is connected again.",
            mends=True,
        ),
        _deed(
            "reconnect_anew",
            "Connect it anew",
            "Somebody connects the address again, and HubSpot gives it another number.",
            "The same message says that it is connected again: it is the same address.",
            mends=True,
        ),
    ),
    names="account",
)

HUBSPOT: Final = Group(
    "hubspot",
    "All of HubSpot",
    (
        _deed(
            "lose_all",
            "Disconnect everything",
            "HubSpot disconnects all mailboxes by mistake, as on 1 March 2025.",
            "One message for all of them, with the words to wait and no button.",
        ),
        _deed(
            "give_back",
            "Give everything back",
            "HubSpot notices its mistake.",
            "The message says that all is connected again, and nobody had to do anything.",
            mends=True,
        ),
        _fault(
            "bad_gateway",
            "Be out of order",
            "HubSpot answers with a page of HTML instead of data.",
            "No message: nothing is known, so nothing changes.",
        ),
        _fault(
            "burst",
            "Count too many requests",
            "HubSpot says that there were too many requests in ten seconds.",
            "No message; it is asked again later.",
        ),
        _fault(
            "half",
            "Answer with half a list",
            "HubSpot lists fewer channels than it says there are.",
            "No message: what is missing from half a list is not gone.",
        ),
        Lever(
            "hubspot_scope_withdrawn",
            "Take the permission away",
            "The service key loses the scope conversations.read.",
            "Only whoever runs the bot is told, once, with the scope's name.",
            "/control/hubspot/scopes",
            {"withdraw": ["conversations.read"]},
        ),
        Lever(
            "hubspot_scope_granted",
            "Give the permission back",
            "The scope is ticked again.",
            "The operator's message says that HubSpot can be read again.",
            "/control/hubspot/scopes",
            {"grant": ["conversations.read"]},
            mends=True,
        ),
        Lever(
            "mend_hubspot",
            "Mend HubSpot",
            "HubSpot's answers are whole again. Channels stay as they are.",
            "Whatever was lost meanwhile is told after two looks.",
            "/control/hubspot/mend",
            mends=True,
        ),
    ),
)
