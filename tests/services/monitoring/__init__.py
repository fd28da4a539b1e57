"""Looking at mailboxes, at providers and at ourselves, played through the services."""
