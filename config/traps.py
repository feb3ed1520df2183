"""Who may send traps and informs: communities and USM users, in a file of their own.

It holds secrets: mode 0600, never in a repository, never shown.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from config.base import Config

TrapAuth = Literal["MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
TrapPriv = Literal["DES", "AES", "AES-192", "AES-256", "AES-192-C", "AES-256-C"]
"""By net-snmp's names; ``-C``: keys made long as Cisco does, without: as Blumenthal's draft."""


class TrapUser(Config):
    """A user of SNMPv3. Pass phrases of at least 8 characters (RFC 3414 section 11.2)."""

    name: Annotated[str, Field(min_length=1, max_length=32)]
    auth: TrapAuth | None = None
    auth_password: Annotated[SecretStr, Field(min_length=8)] | None = None
    priv: TrapPriv | None = None
    priv_password: Annotated[SecretStr, Field(min_length=8)] | None = None

    @model_validator(mode="after")
    def _keys(self) -> Self:
        if (self.auth is None) is not (self.auth_password is None):
            raise ValueError("auth and auth_password go together")
        if (self.priv is None) is not (self.priv_password is None):
            raise ValueError("priv and priv_password go together")
        if self.priv is not None and self.auth is None:
            raise ValueError("no privacy without authentication (RFC 3414 section 1.4.2)")
        return self


class TrapAccess(Config):
    """``traps-access.toml``. ``communities``: those of versions 1 and 2c that are believed."""

    communities: tuple[SecretStr, ...] = ()
    user: tuple[TrapUser, ...] = ()
