"""A local mail host: IMAP over real TLS, with mailboxes, passwords and faults on demand.

Rule: to the product it is only a host name, two ports and a certificate authority.
"""

from sandbox.imap.local import LocalImap

__all__ = ["LocalImap"]
