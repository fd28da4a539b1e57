"""What the verbs do, played on the local Slack and the local Google over a real database."""
