"""The local HubSpot, put together. Rule: to the product it is only a set of addresses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from sandbox.hubspot.api import Api
from sandbox.hubspot.control import ControlApi
from sandbox.hubspot.pages import Pages
from sandbox.hubspot.state import Portal

PREFIX = "/hubspot"


class LocalHubSpot:
    """One portal, as strict as HubSpot and breakable at will."""

    def __init__(self, *, clock: Callable[[], datetime], token: str) -> None:
        self.portal = Portal(clock, token)

    def add_routes(self, app: web.Application) -> None:
        Pages(self.portal, PREFIX).add_routes(app)
        Api(self.portal).add_routes(app, PREFIX)
        ControlApi(self.portal).add_routes(app)
