"""Slack as the bot calls it: one client, and its answers."""
