"""Who may sign in under an address of the local Microsoft. Rule: the path decides, and only the path."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.microsoft.directory import CONSUMERS, Account, Directory

LOGIN = "https://login.microsoftonline.com"
"""What Microsoft calls itself; the product's own settings lead here instead."""
_COMMON, _ORGANIZATIONS, _CONSUMERS = "common", "organizations", "consumers"


@dataclass(frozen=True)
class Authority:
    """The part of an address that names accounts: everybody's, one kind's or one organisation's."""

    path: str
    """As Microsoft's own documents write it: a word, or the tenant's id."""
    tid: str = ""
    """Empty when more than one tenant can sign in."""

    @property
    def issuer(self) -> str:
        return f"{LOGIN}/{self.tid or '{tenantid}'}/v2.0"

    @property
    def is_one_organisation(self) -> bool:
        return bool(self.tid) and self.tid != CONSUMERS

    def admits(self, account: Account) -> bool:
        if self.tid:
            return account.tid == self.tid
        return not (account.is_personal and self.path == _ORGANIZATIONS)


def authority_of(path: str, directory: Directory) -> Authority | None:
    """The authority under a path: a word, a tenant's id or one of its domains."""
    word = path.casefold()
    if word in (_COMMON, _ORGANIZATIONS):
        return Authority(word)
    if word in (_CONSUMERS, CONSUMERS):
        return Authority(word, CONSUMERS)
    tenant = directory.tenant_or_none(path)
    return Authority(tenant.tid, tenant.tid) if tenant else None
