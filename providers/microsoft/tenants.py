"""Whether Microsoft knows a domain: its sign-in serves a document for every tenant's domains, to anybody.

The one rule: this is asked about domains that people type, while they wait; so it takes a second at most,
goes nowhere but to Microsoft, and what cannot be had is *no*. A tenant is no mailbox: many organisations have
one and their mail elsewhere.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import aiohttp

from bot.domain.errors import ProviderUnavailable
from providers.http_client import HttpClient

WAITS: Final = timedelta(seconds=1)
_DOMAIN: Final = re.compile(r"(?=.{4,253}\Z)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", re.ASCII)


class MicrosoftTenants:
    """``providers.detect.Tenants``, asked of Microsoft's sign-in at ``login_url``."""

    def __init__(self, session: aiohttp.ClientSession, login_url: str, *, waits: timedelta = WAITS) -> None:
        self._wire = HttpClient(session, timeout=waits)
        self._login_url = login_url.rstrip("/")

    async def knows(self, domain: str) -> bool:
        """Whether a tenant has this domain."""
        if not _DOMAIN.fullmatch(domain):
            return False
        try:
            reply = await self._wire.get(f"{self._login_url}/{domain}/v2.0/.well-known/openid-configuration")
        except ProviderUnavailable:
            return False
        return reply.status == 200
