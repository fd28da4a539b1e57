"""Where mail goes."""

from __future__ import annotations

from typing import Any, Final

from sandbox.fault_catalog.lever import Group, Lever

DOMAIN: Final = "acme.example"


def _mail_goes(place: str, label: str, happens: str, expect: str, **more: Any) -> Lever:
    body = {"domain": DOMAIN, "place": place}
    return Lever(f"names_{place}", label, happens, expect, "/control/names", body, **more)


NAMES: Final = Group(
    "names",
    f"Where {DOMAIN}'s mail goes",
    (
        _mail_goes(
            "google",
            "To Google",
            "The domain's mail is delivered to Google, as in the beginning.",
            "Connecting an address of the domain offers Gmail; messages about mail that moved are settled.",
            mends=True,
        ),
        _mail_goes(
            "microsoft",
            "To Microsoft",
            "The organisation moves its mail to Microsoft 365.",
            "Those who look after a team address at Google read so within seconds, and can switch it.",
        ),
        _mail_goes(
            "elsewhere",
            "To another host",
            "The domain's mail goes to an ordinary mail host.",
            "Those who look after a team address read so, and why they have to disconnect it first.",
        ),
        _mail_goes(
            "filter",
            "Through a filter",
            "The domain's mail passes a filter first, so that nobody can see where it ends.",
            "Connecting an address of the domain asks which provider it is.",
        ),
    ),
)
