"""The agent's inventory: where each device is and how to ask it (DESIGN "Ownership").

Ids are the register's; addresses and credentials never leave the agent's host.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from typing import Annotated

from pydantic import Field, SecretStr

from config.base import Config
from wire.base import Id


class SnmpVersion(StrEnum):
    V1 = "1"
    V2C = "2c"


class Credential(Config):
    """A named way to ask: SNMP version and community. Names are referred to, values never shown."""

    id: Id
    version: SnmpVersion = SnmpVersion.V2C
    community: SecretStr


class Target(Config):
    """One device to look at.

    ``profiles`` empty: ICMP only. ``icmp`` false: SNMP only. ``interval_s`` None: the agent's.
    """

    device: Id
    address: IPv4Address | IPv6Address
    port: Annotated[int, Field(ge=1, le=65535)] = 161
    credential: Id | None = None
    profiles: tuple[Id, ...] = ()
    icmp: bool = True
    interval_s: Annotated[float, Field(ge=1, le=3600)] | None = None


class Inventory(Config):
    """All targets of one agent. ``hash`` is filled in by the loader."""

    targets: tuple[Target, ...]
    credentials: tuple[Credential, ...] = ()
    hash: str = ""


class CredentialEntry(Config):
    """A credential as a file has it: the community itself, or the file that holds it alone."""

    id: Id
    version: SnmpVersion = SnmpVersion.V2C
    community: SecretStr | None = None
    community_file: Annotated[PurePath, Field(strict=False)] | None = None


class InventoryFile(Config):
    """``inventory.toml``: targets in a table of their own (``targets``), or here, or both."""

    targets: Annotated[PurePath, Field(strict=False)] | None = None
    target: tuple[Target, ...] = ()
    credential: tuple[CredentialEntry, ...] = ()
