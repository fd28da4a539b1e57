"""Slack as the bot calls it: one client, its answers, and the app's manifest."""
