"""A Google that runs on this machine: consent, tokens, certificates and a mailbox, with faults on demand."""

from __future__ import annotations

from sandbox.answers import ConsentRefused
from sandbox.google.local import LocalGoogle

__all__ = ["ConsentRefused", "LocalGoogle"]
