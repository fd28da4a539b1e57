"""What people read: Slack blocks and web pages as pure functions of data, in their language."""
