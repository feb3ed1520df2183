"""``wanglou poll``: rounds of SNMP looks by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.asking import COMMUNITY, CREDENTIAL, INVENTORY, VERSION

if TYPE_CHECKING:
    from agent.query import SnmpResult
    from cli.poll_page import Told


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
    inventory: Path | None = INVENTORY,
    credential: list[str] = CREDENTIAL,
    community: str = COMMUNITY,
    version: str = VERSION,
    timeout: float = typer.Option(2.0, min=0.01, max=60, help="等待秒 / seconds to wait"),
    retries: int = typer.Option(1, min=0, max=10, help="重发次数 / repeats"),
    as_json: bool = typer.Option(False, "--json", help="每目标一行 JSON / one JSON line each"),
    repeat: int = typer.Option(1, min=1, help="轮数 / rounds"),
    interval: float = typer.Option(10.0, min=0.0, help="每轮起点间隔秒 / s from round to round"),
    rate: float = typer.Option(5000.0, min=1, max=1e6, help="每秒最多包数 / packets per second"),
    bulk: int = typer.Option(60, min=1, max=2000, help="GETBULK 应答变量数 / varbinds per reply"),
    stats: bool = typer.Option(False, "--stats", help="附统计 / figures at the end"),
    by_pysnmp: bool = typer.Option(
        False, "--pysnmp", help='由 pysnmp 查询 / ask by pysnmp, as engine = "pysnmp" does'
    ),
) -> None:
    """按采集模板查询 SNMP 设备 / look at targets by SNMP. 0: all measured, 1: some were not."""
    from agent.io.pysnmp_engine import PysnmpEngine
    from agent.io.recording import ReplayEngine
    from agent.io.snmp import SnmpEngine, SnmpOptions
    from agent.memory import Sizes
    from agent.query import SnmpLook
    from cli import rounds
    from cli.asking import accesses, query_of
    from cli.poll_page import Teller, line, page
    from cli.replay import recorded_looks

    query = query_of(profile)
    access = next(iter(accesses(inventory, credential, community, version).values()))
    sizes = Sizes(bulk=bulk)
    engine: SnmpEngine | ReplayEngine | PysnmpEngine
    if recorded:
        engine, looks = recorded_looks(recorded, target or [], version, query)
        engine.sizes = sizes
    else:
        looks = [
            SnmpLook(one.name, one.address, one.port or port, access, query, timeout, retries)
            for one in rounds.targets_of(target or [])
        ]
        fast = SnmpEngine(SnmpOptions(packets_per_s=rate, sizes=sizes))
        engine = PysnmpEngine(sizes) if by_pysnmp else fast
    teller = Teller()

    def show(number: int, results: list[SnmpResult]) -> None:
        told: list[Told] = [teller.tell(number, result) for result in results]
        if as_json:
            for one in told:
                print(json.dumps(line(one), ensure_ascii=False))
        else:
            page(rounds.console(), told, repeat)

    rounds.run(rounds.Rounds(engine, looks, show, repeat, interval), as_json=as_json, stats=stats)
