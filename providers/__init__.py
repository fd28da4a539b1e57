"""Mail providers: how to ask for, use, check and give back access to a mailbox."""
