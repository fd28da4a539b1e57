"""Watches a HubSpot portal's team channels: looks, judges, tells."""

from bot.services.monitoring.hubspot.screens import HubSpotScreens
from bot.services.monitoring.hubspot.watch import HubSpotWatch, ReadsHubSpot, stop_watching

__all__ = ["HubSpotScreens", "HubSpotWatch", "ReadsHubSpot", "stop_watching"]
