"""A Microsoft that runs on this machine: consent, approval, tokens and Graph, with faults on demand."""

from __future__ import annotations

from sandbox.answers import ConsentRefused
from sandbox.microsoft.local import LocalMicrosoft

__all__ = ["ConsentRefused", "LocalMicrosoft"]
