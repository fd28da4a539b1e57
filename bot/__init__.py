"""Inboxkeeper's core (``domain``, ``services``, ``views``) and the shell that runs it."""
