"""From ``collector.toml`` to everything that a collector starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.county import Bundle, County
from collector.io.history import History, InfluxHistory, SqliteHistory
from config.io.load import load_collector_settings, load_policy, load_profiles, load_register
from config.io.plan import load_plan
from config.settings import CollectorSettings
from transport.io.keys import KeyFault, load_key, load_trusted
from transport.sign import SigningKey

DATABASE = "county.db"
LOCK = "collector.lock"
HISTORY = "history.db"


@dataclass(frozen=True, slots=True)
class Keys:
    """The collector's own key and the public keys that it believes, by id."""

    own: SigningKey
    trusted: Mapping[str, Ed25519PublicKey]


def load_settings(path: Path) -> CollectorSettings:
    """``collector.toml``. Raises ConfigError."""
    return load_collector_settings(path)


def load_county(settings: CollectorSettings) -> County:
    """Plan, policy, register and profiles as one configuration. Raises ConfigError."""
    options = settings.collector
    plan = load_plan(_path(options.plan))
    register = load_register(Path(options.register_path), county=settings.county.county, plan=plan)
    profiles = load_profiles(_path(options.profiles_dir))
    return County(
        Bundle(
            register_=register,
            plan=plan,
            policy=load_policy(_path(options.policy)),
            profiles=tuple(profiles[name] for name in sorted(profiles)),
            tree=settings.county.tree,
            offices=tuple(office.id for office in options.offices),
            scale=settings.clock.scale,
        )
    )


def load_keys(settings: CollectorSettings) -> Keys:
    """The keys in ``keys_dir``. Raises KeyFault: missing, damaged, an office not trusted."""
    folder = Path(settings.collector.keys_dir)
    trusted = load_trusted(folder)
    for office in settings.collector.offices:
        if office.key not in trusted:
            raise KeyFault(
                f"{folder}/trusted/{office.key}.pub is missing, so receipts of office {office.id} "
                f"cannot be checked: wanglou key trust {office.key}.pub"
            )
    return Keys(load_key(folder, settings.collector.key), trusted)


def open_history(settings: CollectorSettings, *, read_only: bool = False) -> History:
    """InfluxDB when one is configured, else the SQLite file in the state directory.

    Raises FileNotFoundError when ``read_only`` and there is no such file yet.
    """
    history = settings.history
    if history.influxdb_url is not None:
        return InfluxHistory(history.influxdb_url, history.database)
    return SqliteHistory(Path(settings.collector.state_dir) / HISTORY, read_only=read_only)


def database(settings: CollectorSettings) -> Path:
    """Where the county's store is."""
    return Path(settings.collector.state_dir) / DATABASE


def _path(path: object) -> Path | None:
    return None if path is None else Path(str(path))
