"""A Slack in one process: Web API, Socket Mode, signed HTTP, and a page to use it as any person."""

from sandbox.slack.local import LocalSlack
from sandbox.slack.validate import validate_message, validate_view

__all__ = ["LocalSlack", "validate_message", "validate_view"]
