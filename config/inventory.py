"""The agent's inventory: where each device is and how to ask it (DESIGN "Ownership").

Ids are the register's; addresses and credentials never leave the agent's host.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from typing import Annotated, Final

from pydantic import Field, SecretStr

from config.base import Config
from wire.base import Id

ENGINE_PATTERN: Final = r"^([0-9A-Fa-f]{2}){5,32}$"
"""An engine id in hexadecimal (RFC 3411 section 5)."""


class SnmpVersion(StrEnum):
    V1 = "1"
    V2C = "2c"
    V3 = "3"


class AuthProtocol(StrEnum):
    """Authentication of SNMPv3's users (RFC 3414, RFC 7860), by net-snmp's names."""

    MD5 = "MD5"
    SHA1 = "SHA"
    SHA224 = "SHA-224"
    SHA256 = "SHA-256"
    SHA384 = "SHA-384"
    SHA512 = "SHA-512"


class PrivProtocol(StrEnum):
    """Privacy of SNMPv3's users (RFC 3414, RFC 3826); ``-C``: keys made long as Cisco does."""

    DES = "DES"
    AES128 = "AES"
    AES192 = "AES-192"
    AES256 = "AES-256"
    AES192C = "AES-192-C"
    AES256C = "AES-256-C"


class EngineKind(StrEnum):
    """Who speaks to a device: our own codec, or pysnmp for what that does not speak."""

    FAST = "fast"
    PYSNMP = "pysnmp"


class Credential(Config):
    """A named way to ask. Names are referred to, values never shown.

    Versions 1 and 2c have a community; 3 has a user with the protocols and passwords of its level
    (``auth`` None: noAuthNoPriv, ``priv`` None: authNoPriv), and the context that is asked in:
    its name, and the engine id in hexadecimal where it is not the device's own.
    """

    id: Id
    version: SnmpVersion = SnmpVersion.V2C
    community: SecretStr = SecretStr("")
    user: str = ""
    auth: AuthProtocol | None = None
    auth_password: SecretStr = SecretStr("")
    priv: PrivProtocol | None = None
    priv_password: SecretStr = SecretStr("")
    context: str = ""
    context_engine: str = ""


class Target(Config):
    """One device to look at.

    ``profiles`` empty: ICMP only. ``icmp`` false: SNMP only. ``interval_s`` None: the agent's.
    ``credentials``, in place of ``credential``, are tried one after another until one fits.
    """

    device: Id
    address: IPv4Address | IPv6Address
    port: Annotated[int, Field(ge=1, le=65535)] = 161
    credential: Id | None = None
    credentials: tuple[Id, ...] = ()
    profiles: tuple[Id, ...] = ()
    icmp: bool = True
    interval_s: Annotated[float, Field(ge=1, le=3600)] | None = None
    engine: EngineKind = EngineKind.FAST

    @property
    def candidates(self) -> tuple[Id, ...]:
        """The credentials to try, in order."""
        return self.credentials if self.credential is None else (self.credential,)


class Inventory(Config):
    """All targets of one agent. ``hash`` is filled in by the loader."""

    targets: tuple[Target, ...]
    credentials: tuple[Credential, ...] = ()
    hash: str = ""


class CredentialEntry(Config):
    """A credential as a file has it.

    Secrets stand in a file of their own (``…_file``) or in an environment variable (``…_env``);
    a community may also be written out.
    """

    id: Id
    version: SnmpVersion = SnmpVersion.V2C
    community: SecretStr | None = None
    community_file: Annotated[PurePath, Field(strict=False)] | None = None
    community_env: str | None = None
    user: str | None = None
    auth: AuthProtocol | None = None
    auth_password_file: Annotated[PurePath, Field(strict=False)] | None = None
    auth_password_env: str | None = None
    priv: PrivProtocol | None = None
    priv_password_file: Annotated[PurePath, Field(strict=False)] | None = None
    priv_password_env: str | None = None
    context: str | None = None
    context_engine: Annotated[str, Field(pattern=ENGINE_PATTERN)] | None = None


class InventoryFile(Config):
    """``inventory.toml``: targets in a table of their own (``targets``), or here, or both."""

    targets: Annotated[PurePath, Field(strict=False)] | None = None
    target: tuple[Target, ...] = ()
    credential: tuple[CredentialEntry, ...] = ()
