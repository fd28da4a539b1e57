"""Mailboxes at any other host, through IMAP and a password."""
