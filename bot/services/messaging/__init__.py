"""Brings notices to Slack."""
