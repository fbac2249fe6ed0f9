"""Names that AWS makes up, derived from what they are of: the same after a reset."""

from __future__ import annotations

import hashlib


def digest(*parts: str, length: int = 16) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:length]


def role_name(account: str, permission_set: str) -> str:
    """The name of the role a permission set has in an account."""
    return f"AWSReservedSSO_{permission_set}_{digest(account, permission_set)}"
