"""How the commands that look at single devices ask: by hand, or by an inventory's names.

Credentials of any version stand in an inventory file, which no command line shows. By hand a
community may come from the environment or a file, and a version 3 user from the environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from cli import rounds

if TYPE_CHECKING:
    from agent.query import Access, Query
    from agent.usm import User
    from config.profile import Profile

INVENTORY: Final[Any] = typer.Option(
    None, "--inventory", "-i", help="采集清单，凭据在其中 / an inventory that has the credentials"
)
CREDENTIAL: Final[Any] = typer.Option(
    [], "--credential", "-c", help="采集清单中的凭据 / a credential of the inventory"
)
COMMUNITY: Final[Any] = typer.Option(
    "public",
    envvar="WANGLOU_COMMUNITY",
    show_default=False,
    help="团体名，@文件则读其中；写在命令行上别人用 ps 看得到，宜用环境变量 / community, or @FILE "
    "that has it; ps shows what stands here: better in the environment",
)
VERSION: Final[Any] = typer.Option(
    "2c",
    help="SNMP 版本 1、2c、3；3 用采集清单或环境变量 WANGLOU_USER 等 / version 1, 2c, or 3: by an "
    "inventory, or by WANGLOU_USER and so on in the environment",
)


def accesses(
    inventory: Path | None, names: Sequence[str], community: str, version: str
) -> dict[str, Access]:
    """Ways to ask by name, in order; ends the program with a sentence when one cannot be used.

    Without an inventory there is one, from ``community`` and ``version``, and its name is empty.
    """
    from agent.access import access_of
    from agent.query import Access
    from config.faults import ConfigError, did_you_mean
    from config.inventory import SnmpVersion

    if inventory is None:
        if names:
            rounds.fail("--credential 要与 --inventory 一起写 / --credential needs --inventory")
        if version not in tuple(SnmpVersion):
            rounds.fail(
                f"没有 SNMP 版本 {version}，应为 1、2c 或 3 / no version {version}: 1, 2c, 3"
            )
        if version == SnmpVersion.V3:
            return {"": Access(SnmpVersion.V3, user=_user())}
        return {"": Access(SnmpVersion(version), _community(community))}
    try:
        known = _credentials(inventory)
    except ConfigError as problem:
        rounds.fail(str(problem))
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            rounds.fail(
                f"{inventory} 中没有凭据 {name} / no credential {name} in {inventory}"
                f"{f' ({hint})' if hint else ''}"
            )
    if not known:
        rounds.fail(f"{inventory} 中没有凭据 / {inventory} has no credentials")
    return {name: access_of(known[name]) for name in names or known}


def _community(text: str) -> bytes:
    """A community, or what the file has that ``@`` names."""
    if not text.startswith("@"):
        return os.fsencode(text)
    try:
        return Path(text[1:]).read_bytes().strip()
    except OSError as problem:
        rounds.fail(f"读不了 {text[1:]} / cannot read {text[1:]}: {problem.strerror}")


def _user() -> User:
    """The version 3 user in the environment; ends the program with a sentence without one."""
    from agent.usm import MIN_PASSWORD, User
    from config.inventory import AuthProtocol, PrivProtocol

    name = os.environ.get("WANGLOU_USER", "")
    if not name:
        rounds.fail(
            "版本 3 要有环境变量 WANGLOU_USER，或 --inventory 和 --credential / "
            "version 3 needs WANGLOU_USER in the environment, or --inventory and --credential"
        )
    auth, auth_password = _protocol("AUTH", tuple(AuthProtocol), MIN_PASSWORD)
    priv, priv_password = _protocol("PRIV", tuple(PrivProtocol), MIN_PASSWORD)
    if priv and not auth:
        rounds.fail("WANGLOU_PRIV 要与 WANGLOU_AUTH 一起给 / WANGLOU_PRIV needs WANGLOU_AUTH")
    return User(
        os.fsencode(name),
        AuthProtocol(auth) if auth else None,
        auth_password,
        PrivProtocol(priv) if priv else None,
        priv_password,
        os.fsencode(os.environ.get("WANGLOU_CONTEXT", "")),
    )


def _protocol(what: str, known: Sequence[str], least: int) -> tuple[str, bytes]:
    """A protocol of the environment with its password, which a person may type."""
    variable = f"WANGLOU_{what}"
    name = os.environ.get(variable, "")
    if not name:
        return "", b""
    if name not in known:
        rounds.fail(f"{variable} 应为 {'、'.join(known)} / must be one of {', '.join(known)}")
    password = os.environ.get(f"{variable}_PASSWORD", "")
    if not password and sys.stdin.isatty():
        password = getpass(f"{variable}_PASSWORD: ")
    if len(os.fsencode(password)) < least:
        rounds.fail(
            f"{variable}_PASSWORD 至少 {least} 字节 / {variable}_PASSWORD must have {least} bytes"
        )
    return name, os.fsencode(password)


def _credentials(inventory: Path) -> dict[str, Any]:
    """The credentials in the file by id; its targets are not looked at. Raises ConfigError."""
    from config.faults import refuse
    from config.inventory import InventoryFile
    from config.io.credentials import read_credentials
    from config.io.toml import build, read_document

    document = read_document(inventory)
    file = build(InventoryFile, document)
    found, faults = read_credentials(file.credential, document, inventory.parent)
    refuse(faults)
    return {one.id: one for one in found}


def query_of(names: Sequence[str]) -> Query:
    """What the profiles ask; ends the program with a sentence when they cannot be used."""
    return compiled([profile_named(name) for name in dict.fromkeys(names)])


def compiled(profiles: Sequence[Profile]) -> Query:
    """One query of several profiles; ends the program when they read one name in two ways."""
    from agent.ber import BerError
    from agent.decode import compile_query
    from config.check_profile import clashes

    wrong = clashes(profiles)
    if wrong:
        rounds.fail("\n".join(f"{zh} / {en}" for zh, en in wrong))
    try:
        return compile_query(profiles)
    except BerError as error:
        rounds.fail(str(error))


def profile_named(name: str) -> Profile:
    """A shipped profile by name, or one in a file (``….toml``); ends the program without one."""
    from config.check_profile import check_profile
    from config.faults import ConfigError, did_you_mean, refuse
    from config.io.load import read_profile
    from config.io.shipped import PROFILES

    path = Path(name)
    if not name.endswith(".toml"):
        known = {path.stem: path for path in sorted(PROFILES.glob("*.toml"))}
        if name not in known:
            hint = did_you_mean(name, known)
            rounds.fail(
                f"没有采集模板 {name}，有：{'、'.join(known)} / no profile {name}: there are "
                f"{', '.join(known)}{f' ({hint})' if hint else ''}"
            )
        path = known[name]
    try:
        profile, document = read_profile(path)
        refuse(check_profile(profile, document.place, None))
    except ConfigError as problem:
        rounds.fail(str(problem))
    return profile
