"""Looks at mailboxes, and judges what is seen."""
