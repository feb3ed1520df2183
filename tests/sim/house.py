"""The files of the simulated county: register, keys that never change, settings of each process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import SecretStr

from config.inventory import Credential, Inventory, Target
from config.io.load import load_collector_settings, load_profiles
from config.profile import Profile
from config.settings import (
    AgentOptions,
    AgentSettings,
    CollectorSettings,
    OfficeOptions,
    OfficeSettings,
    ReportSettings,
    TreeSettings,
)
from drill import estate
from tests.collector.house import _HEADS, LI
from tests.collector.small import register
from tests.sim.truth import PROFILE

COUNTY = TreeSettings(county="140522")
OFFICE = "office"
NO_REPORTS = ReportSettings(periods=(), trial=False)
"""They are written by processes of their own, and nothing here is."""

_PROFILE_TOML = """
id = "power"
title = "rectifier"

[[scalars]]
name = "mains"
oid = "1.3.6.1.4.1.9.1.0"
watched = true
alarm = { alarm = "mains-failure", values = [2] }
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How large the simulated county is."""

    operators: tuple[str, ...] = ("cmcc", "cucc")
    sites: int = 3
    interval_s: float = 30.0


class House:
    """One run's folder. ``agents`` and ``devices`` follow the register."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.folder = folder
        self.size = size
        plain = register(sites=size.sites, operators=size.operators)
        self.register = plain.model_copy(update={"people": (LI,)})
        self.agents = tuple(f"agent-{operator}" for operator in size.operators)
        self.devices = tuple(device.id for device in self.register.devices)
        _keys(folder / "keys", "collector", trusted=(OFFICE, "li", self.agents[0]))
        (folder / "agent-keys").mkdir()
        _key(folder / "agent-keys", self.agents[0])
        _keys(folder / "office-keys", OFFICE, trusted=("collector",))
        _key(folder / "office-keys", "li")
        tables = folder / "register"
        tables.mkdir()
        for name, heads in _HEADS.items():
            rows = getattr(self.register, name)
            if rows:
                estate._csv(tables / f"{name}.csv", heads, rows)
        (folder / "profiles").mkdir()
        (folder / "profiles" / "power.toml").write_text(_PROFILE_TOML)
        estate._toml(
            folder / "collector.toml",
            {
                "collector": {
                    "state_dir": "collector",
                    "register": "register",
                    "keys_dir": "keys",
                    "profiles_dir": "profiles",
                    "offices": [{"id": OFFICE, "key": OFFICE}],
                },
                "county": {"county": COUNTY.county},
            },
        )
        self.collector: CollectorSettings = load_collector_settings(
            folder / "collector.toml"
        ).model_copy(update={"reports": NO_REPORTS})
        self.office = OfficeSettings(
            office=OfficeOptions(
                id=OFFICE,
                state_dir=folder / OFFICE,
                keys_dir=folder / "office-keys",
                key=OFFICE,
            ),
            county=COUNTY,
        )
        self.profiles: dict[str, Profile] = load_profiles(folder / "profiles")
        assert self.profiles["power"].scalars[0].alarm == PROFILE.scalars[0].alarm

    def agent(self, name: str, interval_s: float) -> AgentSettings:
        """The settings of machine ``name``: of agent ``name``, or of its clone ``name~``.

        One of the agents signs its presence, and a clone of it does so with the same key.
        """
        agent = name.partition("~")[0]
        key = self.folder / "agent-keys" / f"{agent}.key"
        return AgentSettings(
            agent=AgentOptions(
                id=agent,
                operator=agent.removeprefix("agent-"),
                state_dir=self.folder / name,
                inventory=self.folder / "none",
                interval_s=interval_s,
                key=key if key.exists() else None,
                witness_gateways=False,
            ),
            county=COUNTY,
        )

    def inventory(self, name: str, without: frozenset[str] = frozenset()) -> Inventory:
        """All devices of its operator but those ``without``."""
        operator = name.partition("~")[0].removeprefix("agent-")
        return Inventory(
            targets=tuple(
                Target(
                    device=device,
                    address=IPv4Address("127.0.0.1"),
                    credential="c",
                    profiles=("power",),
                )
                for device in self.devices
                if device.startswith(f"{operator}-") and device not in without
            ),
            credentials=(Credential(id="c", community=SecretStr("public")),),
            hash="-".join(("h", *sorted(without))),
        )


def _keys(folder: Path, name: str, *, trusted: tuple[str, ...]) -> None:
    (folder / "trusted").mkdir(parents=True)
    _key(folder, name)
    for one in trusted:
        (folder / "trusted" / f"{one}.pub").write_bytes(
            private(one).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )


def _key(folder: Path, name: str) -> None:
    key = folder / f"{name}.key"
    key.write_bytes(private(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)


@cache
def private(name: str) -> Ed25519PrivateKey:
    """The same key for the same name in every run: signatures are part of the trace."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
