"""``wanglou discover``: sweep networks and write inventory rows to look over; nothing is added."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from cli.asking import COMMUNITY, CREDENTIAL, INVENTORY, VERSION

if TYPE_CHECKING:
    from agent.discover import Row
    from agent.io.discover import Swept
    from config.inventory import Target

MOST: Final = 4096
"""Addresses that are swept without ``--limit``."""

HEADS: Final = (
    "device", "address", "port", "credential", "credentials", "profiles", "icmp", "interval_s",
    "engine",
    "#变化 mark", "#名称 sysName", "#sysObjectID", "#上级 parents", "#邻居 neighbours",
    "#依据 evidence", "#不同 differs",
)  # fmt: skip
"""Heads that begin with # are for the reader: an inventory's loader passes over them."""

WORDS: Final = {"new": "新", "changed": "变", "gone": "无应答", "same": "同"}


def discover(
    network: list[str] = typer.Argument(
        ..., help="网段、范围、地址、@文件 / networks, ranges, addresses, @file"
    ),
    *,
    output: Path = typer.Option(..., "--output", "-o", help="新的 CSV 文件 / a new file, CSV"),
    inventory: Path | None = INVENTORY,
    credential: list[str] = CREDENTIAL,
    community: str = COMMUNITY,
    version: str = VERSION,
    call_it: str = typer.Option(
        "snmp", "--call-it", help="手写团体名时行中的凭据名 / the credential's name in the rows"
    ),
    root: list[str] = typer.Option(
        [], "--root", help="上级从这里算起：地址或 sysName / parents are counted from here"
    ),
    register: Path | None = typer.Option(
        None,
        "--register",
        help="县登记册：与其中的上级比较 / the county's register, whose parents are compared",
    ),
    port: int = typer.Option(161, min=1, max=65535, help="端口 / port"),
    timeout: float = typer.Option(1.0, min=0.01, max=60, help="等待秒 / seconds to wait"),
    rate: float = typer.Option(200.0, min=2, max=100_000, help="每秒最多包数 / packets per second"),
    limit: int = typer.Option(MOST, min=1, help="最多地址数 / addresses at most"),
) -> None:
    """扫描网段，写出待核对的采集清单 / sweep networks: rows to look over. 1: nobody answered."""
    from agent.discover import propose
    from agent.io.discover import SweepOptions, sweep
    from cli import rounds
    from cli.asking import accesses
    from config.io.load import load_profiles

    if output.exists():
        rounds.fail(f"{output} 已存在，请写到新文件 / {output} exists: name a new file")
    ways = accesses(inventory, credential, community, version)
    if "" in ways:
        ways = {call_it: ways[""]}
    present = _present(inventory)
    parents = _registered(register)
    places = _places(network, limit)
    profiles = list(load_profiles().values())
    options = SweepOptions(port, timeout, rate)
    with _progress(2 * len(places)) as told:
        known = {str(target.address): target.candidates for target in present}
        swept = asyncio.run(sweep(places, ways, profiles, options, told, known))
    rows = propose(swept.found, profiles, present, root, parents)
    _write(output, rows)
    _tell(swept, rows, output, roots=bool(root))
    raise typer.Exit(0 if any(row.found.answered for row in rows) else 1)


def _places(network: Sequence[str], limit: int) -> list[Any]:
    """The addresses to sweep; ends the program when there are more than ``limit``."""
    from agent.targets import TargetError, parse
    from cli import rounds

    try:
        count = sum(parse(word).count for word in network if not word.startswith("@"))
    except TargetError as error:
        rounds.fail(str(error))
    places = rounds.targets_of(network) if count <= limit else []
    count = max(count, len(places))
    if count > limit:
        rounds.fail(
            f"有 {count} 个地址，超过 {limit} 个；确实要扫描请用 --limit 写明 / "
            f"{count} addresses are more than {limit}: say --limit if you mean it"
        )
    return places


def _present(inventory: Path | None) -> tuple[Target, ...]:
    """The targets of the present inventory; one that has none yet is no fault."""
    from cli import rounds
    from config.io.inventory import read_inventory

    if inventory is None:
        return ()
    read = read_inventory(inventory)
    if read.inventory is None:
        rounds.fail("\n".join(map(str, read.faults)))
    return read.inventory.targets


def _registered(register: Path | None) -> dict[str, tuple[str, ...]]:
    """The parents of each device in the county's register; nothing without one."""
    from cli import rounds
    from config.faults import ConfigError
    from config.io.load import load_register
    from config.io.plan import load_plan

    if register is None:
        return {}
    try:
        read = load_register(register, plan=load_plan())
    except ConfigError as problem:
        rounds.fail(str(problem))
    return {one.id: one.parents for one in read.devices}


def _write(output: Path, rows: Sequence[Row]) -> None:
    """A new file; one that has appeared meanwhile is left alone (FileExistsError)."""
    with output.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADS)
        writer.writerows(map(_cells, rows))


def _cells(row: Row) -> list[str]:
    target, found = row.target, row.found
    interval = "" if target.interval_s is None else f"{target.interval_s:g}"
    plain = [
        target.device,
        str(target.address),
        str(target.port),
        target.credential or "",
        " ".join(target.credentials),
        " ".join(target.profiles),
        "yes" if target.icmp else "no",
        interval,
        target.engine.value,
    ]
    told = [
        f"{WORDS[row.mark]} {row.mark}",
        found.name,
        found.object_id,
        " ".join(row.parents),
        "; ".join(row.neighbours),
        "; ".join(row.evidence),
        "; ".join(row.differs),
    ]
    return plain + [_harmless(cell) for cell in told]


def _harmless(cell: str) -> str:
    """What a device says of itself must not become a formula of a spreadsheet."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell


def _tell(swept: Swept, rows: Sequence[Row], output: Path, *, roots: bool) -> None:
    """What was found, in a table and a line, and what to do with it."""
    from rich.markup import escape
    from rich.table import Table

    from cli.profile_page import WIDTH, console

    if not swept.echoes:
        typer.echo("没有发送 ICMP 的权限，只用 SNMP / may not send ICMP: SNMP alone", err=True)
    table = Table(width=WIDTH)
    for head in ("变化 Mark", "设备 Device", "地址 Address", "模板 Profiles", "说明 Notes"):
        table.add_column(head, overflow="fold")
    for row in rows:
        notes = [*row.differs, *(f"上级 parent {word}" for word in row.parents)]
        table.add_row(
            f"{WORDS[row.mark]} {row.mark}",
            escape(row.target.device),
            str(row.target.address),
            escape(" ".join(row.target.profiles) or "-"),
            escape("\n".join(notes)),
        )
    console().print(table)
    marks = [row.mark for row in rows]
    counts = "，".join(f"{WORDS[mark]} {mark} {marks.count(mark)}" for mark in dict.fromkeys(marks))
    print(f"{output}: {len(rows)} 行 rows（{counts or '-'}）")
    if not roots and any(row.neighbours for row in rows):
        print("要提出上级设备，请用 --root / parents are proposed with --root")
    print("这是建议，核对后自行并入采集清单 / a proposal: look it over, then take it over yourself")


class _progress:  # noqa: N801  a context manager, used as a verb
    """A bar on standard error, if that is a terminal; more looks make it longer."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._total = total
        self._progress = Progress(
            TextColumn("扫描 sweeping"),
            BarColumn(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        task = self._progress.add_task("", total=self._total)
        return lambda count: self._progress.update(
            task, completed=count, total=max(count, self._total)
        )

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
