"""A mailbox's connection from consent to revocation."""
