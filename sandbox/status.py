"""What is so in the demo at present, as the control API tells it. Rule: it reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

PATHS: Final = {
    "clock": "/control/clock",
    "google": "/control/google/accounts",
    "microsoft": "/control/microsoft/accounts",
    "imap": "/control/imap/accounts",
    "hubspot": "/control/hubspot",
    "names": "/control/names",
    "slack": "/control/slack/broken",
}
"""What is asked, by the name under which `Standing.of` wants the answer."""

Told = Mapping[str, Any]


@dataclass(frozen=True)
class Wrong:
    """One thing that is broken, and the key of the lever that broke it."""

    where: str
    what: str


@dataclass(frozen=True)
class Standing:
    """Everything that the page shows."""

    now: str
    google: tuple[Told, ...]
    microsoft: tuple[Told, ...]
    tenants: tuple[Told, ...]
    mailboxes: tuple[Told, ...]
    mail_host: str
    channels: tuple[Told, ...]
    """HubSpot's, those with a mailbox."""
    mail_goes: Mapping[str, str]
    people: tuple[Told, ...]
    wrong: tuple[Wrong, ...]
    installed: bool

    @classmethod
    def of(cls, told: Mapping[str, Told]) -> Standing:
        """From the answers to `PATHS`."""
        google, microsoft, imap, slack = (told[name] for name in ("google", "microsoft", "imap", "slack"))
        tenants = tuple(microsoft["tenants"])
        return cls(
            now=told["clock"]["now"][:19].replace("T", " "),
            google=_accounts(google),
            microsoft=_accounts(microsoft, prefix="microsoft_", besides=tenants),
            tenants=tenants,
            mailboxes=_accounts(imap, prefix="imap_"),
            mail_host=imap["host"],
            channels=tuple(it for it in told["hubspot"]["channels"] if "@" in it["account"]),
            mail_goes=told["names"]["domains"],
            people=tuple(slack["people"]),
            wrong=(
                *_all_of("Google", google),
                *_all_of("Microsoft", microsoft, prefix="microsoft_"),
                *(wrong for tenant in tenants for wrong in _tenant(tenant, microsoft)),
                *_all_of("Harbor Mail", imap, prefix="imap_"),
                *(Wrong("HubSpot", f"hubspot_{what}") for what in _once(told["hubspot"]["broken"])),
                *(Wrong("Slack", f"slack_{what}") for what in _once(f["what"] for f in slack["broken"])),
            ),
            installed=slack["installed"],
        )

    @property
    def broken(self) -> tuple[Wrong, ...]:
        """What is broken, the widest first."""
        everybody = (*self.google, *self.microsoft, *self.mailboxes)
        own = tuple(Wrong(one["email"], what) for one in everybody for what in one["broken"])
        return self.wrong + own

    @property
    def away(self) -> tuple[str, ...]:
        return tuple(person["real_name"] for person in self.people if person["deleted"])

    @property
    def is_whole(self) -> bool:
        return self.installed and not (self.broken or self.away)


def _accounts(told: Told, *, prefix: str = "", besides: Iterable[Told] = ()) -> tuple[Told, ...]:
    """Accounts with their own faults: what hits everybody, or their whole tenant, is told elsewhere."""
    shared = {tenant["tid"]: set(tenant["faults"]) for tenant in besides}
    everywhere = set(told["broken_for_all"])

    def own(account: Told) -> list[str]:
        others = everywhere | shared.get(account.get("tid", ""), set())
        return [prefix + what for what in _once(account["faults"]) if what not in others]

    return tuple({**account, "broken": own(account)} for account in told["accounts"])


def _all_of(name: str, told: Told, *, prefix: str = "") -> tuple[Wrong, ...]:
    return tuple(Wrong(f"All of {name}", prefix + what) for what in _once(told["broken_for_all"]))


def _tenant(tenant: Told, told: Told) -> tuple[Wrong, ...]:
    own = [what for what in _once(tenant["faults"]) if what not in told["broken_for_all"]]
    return tuple(Wrong(f"The tenant {tenant['name']}", f"microsoft_{what}") for what in own)


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
