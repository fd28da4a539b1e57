"""What reaches people in Slack, played through the services."""
