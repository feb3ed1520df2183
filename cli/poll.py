"""``wanglou poll``: rounds of SNMP looks by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from agent.query import Query, SnmpResult
    from cli.poll_page import Told
    from config.profile import Profile


def poll(
    target: list[str] = typer.Argument(
        None,
        help="地址、名称、范围 a-b、网段、@文件，可带 :端口 / addresses, names, ranges, networks, "
        "@file; :port may follow",
    ),
    *,
    recorded: list[Path] = typer.Option(
        [], "--from", help="不查设备，读录制文件 / look at recordings (.snmprec), not at devices"
    ),
    profile: list[str] = typer.Option(
        ["generic"], "--profile", "-p", help="采集模板，可多个 / profiles: names or files"
    ),
    port: int = typer.Option(161, min=1, max=65535, help="端口 / port"),
    community: str = typer.Option(
        "public", envvar="WANGLOU_COMMUNITY", show_default=False, help="团体名 / community"
    ),
    version: str = typer.Option("2c", help="SNMP 版本 1 或 2c / version 1 or 2c"),
    timeout: float = typer.Option(2.0, min=0.01, max=60, help="等待秒 / seconds to wait"),
    retries: int = typer.Option(1, min=0, max=10, help="重发次数 / repeats"),
    as_json: bool = typer.Option(False, "--json", help="每目标一行 JSON / one JSON line each"),
    repeat: int = typer.Option(1, min=1, help="轮数 / rounds"),
    interval: float = typer.Option(10.0, min=0.0, help="每轮起点间隔秒 / s from round to round"),
    rate: float = typer.Option(5000.0, min=1, max=1e6, help="每秒最多包数 / packets per second"),
    bulk: int = typer.Option(60, min=1, max=2000, help="GETBULK 应答变量数 / varbinds per reply"),
    stats: bool = typer.Option(False, "--stats", help="附统计 / figures at the end"),
) -> None:
    """按采集模板查询 SNMP 设备 / look at targets by SNMP. 0: all measured, 1: some were not."""
    from agent.io.recording import ReplayEngine
    from agent.io.snmp import SnmpEngine, SnmpOptions
    from agent.memory import Sizes
    from agent.query import Access, SnmpLook
    from cli import rounds
    from cli.poll_page import Teller, line, page
    from cli.replay import recorded_looks
    from config.inventory import SnmpVersion

    if version not in tuple(SnmpVersion):
        rounds.fail(f"没有 SNMP 版本 {version}，应为 1 或 2c / no version {version}: 1 or 2c")
    query = _query(profile)
    access = Access(SnmpVersion(version), os.fsencode(community))
    sizes = Sizes(bulk=bulk)
    engine: SnmpEngine | ReplayEngine
    if recorded:
        engine, looks = recorded_looks(recorded, target or [], Access(access.version, b""), query)
        engine.sizes = sizes
    else:
        looks = [
            SnmpLook(one.name, one.address, one.port or port, access, query, timeout, retries)
            for one in rounds.targets_of(target or [])
        ]
        engine = SnmpEngine(SnmpOptions(packets_per_s=rate, sizes=sizes))
    teller = Teller()

    def show(number: int, results: list[SnmpResult]) -> None:
        told: list[Told] = [teller.tell(number, result) for result in results]
        if as_json:
            for one in told:
                print(json.dumps(line(one), ensure_ascii=False))
        else:
            page(rounds.console(), told, repeat)

    rounds.run(rounds.Rounds(engine, looks, show, repeat, interval), as_json=as_json, stats=stats)


def _query(names: Sequence[str]) -> Query:
    """What the profiles ask; ends the program with a sentence when one cannot be used."""
    from agent.ber import BerError
    from agent.decode import compile_query
    from cli import rounds
    from config.faults import ConfigError

    try:
        return compile_query([_profile(name) for name in dict.fromkeys(names)])
    except (ConfigError, BerError) as error:
        rounds.fail(str(error))


def _profile(name: str) -> Profile:
    """A shipped profile by name, or one in a file (``….toml``). Raises ConfigError."""
    from cli import rounds
    from config.faults import did_you_mean
    from config.io.load import DATA
    from config.io.toml import build, read_document
    from config.profile import Profile

    if name.endswith(".toml"):
        return build(Profile, read_document(Path(name)))
    known = {path.stem: path for path in sorted((DATA / "profiles").glob("*.toml"))}
    if name not in known:
        hint = did_you_mean(name, known)
        rounds.fail(
            f"没有采集模板 {name}，有：{'、'.join(known)} / no profile {name}: there are "
            f"{', '.join(known)}{f' ({hint})' if hint else ''}"
        )
    return build(Profile, read_document(known[name]))
