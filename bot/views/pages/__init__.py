"""The few web pages people meet between Slack and their provider."""
