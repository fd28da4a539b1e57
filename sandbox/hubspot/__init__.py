"""A local HubSpot: one portal's inboxes and channels, its settings page, and what can go wrong with them."""

from sandbox.hubspot.local import LocalHubSpot

__all__ = ["LocalHubSpot"]
