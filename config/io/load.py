"""Every loader of configuration: file in, strict model out.

All raise ``config.faults.ConfigError`` that carries every fault found, never only the first.
Notes do not refuse a file; ``wanglou check`` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, TypeVar

from pydantic import BaseModel

from config.check_agent import check_policy, check_settings
from config.check_profile import check_profile, meanings
from config.faults import ConfigError, Fault, error, note, refuse, unreadable
from config.inventory import Inventory
from config.io.inventory import read_inventory
from config.io.plan import load_plan
from config.io.register import read_register
from config.io.shipped import DATA, PROFILES, hashed
from config.io.toml import Document, build, read_document
from config.plan import Plan
from config.policy import Policy
from config.profile import Profile
from config.register import Register
from config.settings import AgentSettings, CollectorSettings, OfficeSettings
from config.traps import TrapAccess

__all__ = [
    "DATA",
    "hashed",
    "load_agent_settings",
    "load_collector_settings",
    "load_inventory",
    "load_office_settings",
    "load_plan",
    "load_policy",
    "load_profiles",
    "load_register",
    "load_trap_access",
]

S = TypeVar("S", AgentSettings, CollectorSettings, OfficeSettings)
M = TypeVar("M", bound=BaseModel)


def load_agent_settings(path: Path) -> AgentSettings:
    """``agent.toml``; its paths resolved relative to the file."""
    return load_settings(AgentSettings, path)


def load_collector_settings(path: Path) -> CollectorSettings:
    """``collector.toml``; its paths resolved relative to the file."""
    return load_settings(CollectorSettings, path)


def load_office_settings(path: Path) -> OfficeSettings:
    """``office.toml``; its paths resolved relative to the file."""
    return load_settings(OfficeSettings, path)


def load_settings(model: type[S], path: Path) -> S:
    """A settings file as ``model``."""
    document = read_document(path)
    settings = build(model, document)
    refuse(check_settings(settings, document.place))
    return resolved(settings, path.parent)


def resolved(model: M, folder: Path) -> M:
    """``model`` with each path in it, however deep, relative to ``folder``."""
    changed: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, PurePath):
            changed[name] = folder / value
        elif isinstance(value, BaseModel):
            changed[name] = resolved(value, folder)
    return model.model_copy(update=changed)


def load_register(path: Path, *, county: str | None = None, plan: Plan | None = None) -> Register:
    """The register in a folder of tables or one .xlsx.

    ``county`` is the code that it must have; left out, it comes from ``register.toml`` or the town
    codes. With ``plan`` given operators, organs and roles may be written by name, and are checked.
    """
    read = read_register(path, county=county, plan=plan)
    refuse(read.faults)
    assert read.register is not None
    return read.register


def load_inventory(path: Path) -> Inventory:
    """The agent's inventory; references to profiles and to the register are not looked at."""
    read = read_inventory(path)
    refuse(read.faults)
    assert read.inventory is not None
    return read.inventory


def load_trap_access(settings: AgentSettings) -> TrapAccess:
    """Whose traps are believed: the file that ``[traps]`` names, nobody in particular without."""
    if settings.traps is None or settings.traps.access is None:
        return TrapAccess()
    return build(TrapAccess, read_document(Path(settings.traps.access)))


def load_policy(path: Path | None = None) -> Policy:
    """The policy in ``path``, or the shipped one."""
    policy, document = read_policy(path)
    refuse(check_policy(policy, document.place))
    return policy


def read_policy(path: Path | None = None) -> tuple[Policy, Document]:
    """The policy and its document, cross-checks left to the caller. Raises ConfigError."""
    document = read_document(path or DATA / "policy.toml")
    return hashed(build(Policy, document)), document


def load_profiles(folder: Path | None = None) -> dict[str, Profile]:
    """The shipped profiles by id, and those in ``folder``; a local one replaces a shipped one."""
    profiles, faults = read_profiles(folder)
    refuse(faults)
    return profiles


def read_profiles(
    folder: Path | None, alarms: Mapping[str, str] | None = None
) -> tuple[dict[str, Profile], list[Fault]]:
    """All profiles with every fault and note; raises nothing.

    ``alarms`` are the policy's types with their causes, which the profiles in ``folder`` may
    raise; what the shipped ones raise beyond them is the policy's matter (``unserved``).
    """
    profiles, faults, documents = _folder(PROFILES, None)
    if folder is not None:
        local, more, places = _folder(folder, alarms)
        faults += more
        faults += [
            note(places[name].place(("id",)), "代替内置的同名模板", "replaces the shipped profile")
            for name in local
            if name in profiles
        ]
        profiles |= local
        documents = {**documents, **places}
    faults += meanings((one, documents[name].place) for name, one in profiles.items())
    return profiles, faults


def _folder(
    folder: Path, alarms: Mapping[str, str] | None
) -> tuple[dict[str, Profile], list[Fault], Mapping[str, Document]]:
    profiles: dict[str, Profile] = {}
    documents: dict[str, Document] = {}
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix == ".toml")
    except OSError as problem:
        words = problem.strerror or str(problem)
        fault = unreadable(str(folder), f"无法读取：{words}", f"cannot be read: {words}")
        return {}, [fault], {}
    faults: list[Fault] = []
    for file in files:
        try:
            profile, document = read_profile(file)
        except ConfigError as problem:
            faults += problem.faults
            continue
        faults += check_profile(profile, document.place, alarms)
        if profile.id in profiles:
            zh = f"与 {documents[profile.id].file} 的 id 相同"
            en = f"has the id of {documents[profile.id].file}"
            faults.append(error(document.place(("id",)), zh, en))
        profiles[profile.id] = profile
        documents[profile.id] = document
    return profiles, faults, documents


def profile_faults(
    profile: Profile, document: Document, alarms: Mapping[str, str] | None
) -> list[Fault]:
    """Every fault of one profile, by itself and beside the shipped ones."""
    shipped, _, places = _folder(PROFILES, None)
    others = [(one, places[name].place) for name, one in shipped.items() if name != profile.id]
    return [
        *check_profile(profile, document.place, alarms),
        *meanings([*others, (profile, document.place)]),
    ]


def read_profile(file: Path) -> tuple[Profile, Document]:
    """One profile and its document. Raises ConfigError."""
    document = read_document(file)
    return build(Profile, document), document
