"""Entry points: what Slack and browsers send, turned into calls of services and answers in words."""
