"""``wanglou profile``: what we know of kinds of devices, checked, shown and tried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.asking import COMMUNITY, CREDENTIAL, INVENTORY, VERSION

if TYPE_CHECKING:
    from config.check_profile import At
    from config.profile import Profile

app = typer.Typer(
    help="采集模板：问设备什么、含义是什么 / profiles: what to ask, and what it means.",
    no_args_is_help=True,
)


@app.command("list")
def list_profiles(
    *, as_json: bool = typer.Option(False, "--json", help="每模板一行 JSON / one JSON line each")
) -> None:
    """内置的采集模板 / the shipped profiles."""
    from cli.profile_page import listing
    from config.io.load import load_profiles

    profiles = list(load_profiles().values())
    if as_json:
        for one in profiles:
            print(one.model_dump_json())
    else:
        listing(profiles)


@app.command()
def check(
    file: list[Path] = typer.Argument(
        None, help="模板文件，不写则查内置的 / profile files; without any, the shipped ones"
    ),
) -> None:
    """检查模板文件 / check profile files. 0: sound, 1: errors, 2: unreadable."""
    from config.check_profile import meanings
    from config.faults import ConfigError, Kind
    from config.io.load import profile_faults, read_policy, read_profile
    from config.io.shipped import PROFILES
    from config.io.survey import causes_of

    causes = causes_of(read_policy()[0])
    status = 0
    beside: list[tuple[Profile, At]] = []
    for path in file or sorted(PROFILES.glob("*.toml")):
        try:
            profile, document = read_profile(path)
        except ConfigError as problem:
            faults = list(problem.faults)
        else:
            faults = profile_faults(profile, document, causes)
            beside.append((profile, document.place))
            faults += [one for one in meanings(beside) if one.file == str(path)]
        for fault in dict.fromkeys(faults):
            print(fault)
        kinds = {fault.kind for fault in faults}
        if not kinds - {Kind.NOTE}:
            print(f"{path}: 没有错误 / sound")
        status = max(status, 2 if Kind.UNREADABLE in kinds else int(Kind.ERROR in kinds))
    raise typer.Exit(status)


@app.command()
def show(name: str = typer.Argument(..., help="名称或文件 / name or file (….toml)")) -> None:
    """模板里有什么 / what a profile asks, in which unit, what raises which alarm."""
    from cli.asking import profile_named
    from cli.profile_page import page
    from config.io.load import read_policy

    profile = profile_named(name)
    page(profile, {alarm.id: alarm for alarm in read_policy()[0].alarms})


@app.command("try")
def try_profile(
    name: str = typer.Argument(..., help="模板名称或文件 / profile: name or file"),
    target: str = typer.Argument(
        ..., help="设备地址[:端口]或录制文件 / a device's address[:port], or FILE.snmprec"
    ),
    *,
    inventory: Path | None = INVENTORY,
    credential: list[str] = CREDENTIAL,
    community: str = COMMUNITY,
    version: str = VERSION,
    port: int = typer.Option(161, min=1, max=65535, help="端口 / port"),
    timeout: float = typer.Option(2.0, min=0.01, max=60, help="等待秒 / seconds to wait"),
    rows: int = typer.Option(20, min=1, help="每表最多行数 / rows shown of each table"),
    as_json: bool = typer.Option(False, "--json", help="每读数一行 JSON / one JSON line each"),
) -> None:
    """对设备或录制文件试用一个模板 / look once: raw value, value, meaning, what is missing.

    0: measured, 1: not measured, or the device has nothing that the profile asks.
    """
    from agent.query import SnmpLook
    from cli import rounds
    from cli.asking import accesses, compiled, profile_named
    from cli.profile_page import readings, tried
    from cli.replay import look_once, recorded_looks

    query = compiled([profile_named(name)])
    if target.endswith(".snmprec"):
        engine, looks = recorded_looks([Path(target)], [], version, query)
        result = look_once(engine, looks[0])
    else:
        ways = list(accesses(inventory, credential, community, version).values())
        place = rounds.targets_of([target])[0]
        look = SnmpLook(place.name, place.address, place.port or port, ways[0], query, timeout, 1)
        result = look_once(None, look)
    found = readings(result)
    if as_json:
        for one in found:
            print(json.dumps(one.line(), ensure_ascii=False))
    else:
        tried(result, found, rows)
    raise typer.Exit(0 if any(one.present for one in found) else 1)
