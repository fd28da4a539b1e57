"""Connecting mailboxes and what becomes of them, played through the services."""
