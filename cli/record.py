"""``wanglou record``: a device's objects into a file, to write and test a profile away from it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from cli.asking import COMMUNITY, CREDENTIAL, INVENTORY, VERSION

if TYPE_CHECKING:
    from agent.io.recorder import Walked
    from agent.query import Query, SnmpLook

SUBTREES: Final = (
    "1.0.8802.1.1.2",  # LLDP-MIB
    "1.3.6.1.2.1",  # mib-2
    "1.3.6.1.4.1",  # enterprises
    "1.3.6.1.6.3.10",  # SNMP-FRAMEWORK-MIB: snmpEngineBoots
)


def record(
    target: str = typer.Argument(..., help="设备地址[:端口] / a device's address[:port]"),
    *,
    output: Path = typer.Option(..., "--output", "-o", help="录制文件 / FILE.snmprec"),
    subtree: list[str] = typer.Option(
        list(SUBTREES), "--subtree", "-s", help="只录这些子树 / only these subtrees"
    ),
    inventory: Path | None = INVENTORY,
    credential: list[str] = CREDENTIAL,
    community: str = COMMUNITY,
    version: str = VERSION,
    port: int = typer.Option(161, min=1, max=65535, help="端口 / port"),
    timeout: float = typer.Option(3.0, min=0.01, max=60, help="等待秒 / seconds to wait"),
    retries: int = typer.Option(2, min=0, max=10, help="重发次数 / repeats"),
    rate: float = typer.Option(50.0, min=1, max=10_000, help="每秒最多包数 / packets per second"),
    bulk: int = typer.Option(25, min=1, max=500, help="每包对象数 / objects of a packet"),
    limit: int = typer.Option(500_000, min=1, help="最多对象数 / objects at most"),
    redact: bool = typer.Option(
        False,
        "--redact",
        help="遮盖名称地点序列号地址 / mask names, places, serials, addresses",
    ),
    force: bool = typer.Option(False, "--force", help="覆盖已有文件 / overwrite the file"),
) -> None:
    """录制一台设备 / walk a device into a file. 0: whole, 1: in part (FILE.part) or nothing."""
    from agent.ber import BerError, oid_content
    from agent.io.recorder import Walked
    from agent.query import SnmpLook
    from cli import rounds
    from cli.asking import accesses

    if output.exists() and not force:
        rounds.fail(f"{output} 已存在，要覆盖请加 --force / {output} exists: --force overwrites it")
    try:
        wanted = sorted({one.strip(".") for one in subtree}, key=oid_content)
    except BerError as error:
        rounds.fail(f"子树应为 OID / a subtree is an OID: {error}")
    access = next(iter(accesses(inventory, credential, community, version).values()))
    place = rounds.targets_of([target])[0]

    def look_for(query: Query) -> SnmpLook:
        return SnmpLook(
            place.name, place.address, place.port or port, access, query, timeout, retries
        )

    walked = Walked()
    interrupted = False
    try:
        asyncio.run(_walk(look_for, wanted, walked, rate, bulk, limit))
    except KeyboardInterrupt:
        interrupted = True
    _keep(walked, output, redact=redact, whole=not walked.short and not interrupted)
    if interrupted:
        raise typer.Exit(rounds.INTERRUPTED)


async def _walk(
    look_for: Callable[[Query], SnmpLook],
    subtrees: list[str],
    walked: Walked,
    rate: float,
    bulk: int,
    limit: int,
) -> None:
    from agent.io.recorder import record as walk
    from agent.io.snmp import SnmpEngine, SnmpOptions
    from agent.memory import Sizes

    engine = SnmpEngine(SnmpOptions(packets_per_s=rate, sizes=Sizes(bulk=bulk)))
    await engine.start()
    try:
        with _progress() as told:
            await walk(engine, look_for, subtrees, walked, told, limit)
    finally:
        engine.close()


def _keep(walked: Walked, output: Path, *, redact: bool, whole: bool) -> None:
    """Write the file; a walk that is not whole stays beside it and ends with status 1."""
    from agent.recording import dumps
    from agent.redact import redacted

    for subtree, reason in walked.short:
        typer.echo(f"{subtree}: 没有录完 / not recorded to its end: {reason}", err=True)
    if not walked.objects:
        typer.echo("没有录到对象 / nothing was recorded", err=True)
        raise typer.Exit(1)
    objects = list(redacted(walked.objects)) if redact else walked.objects
    part = output.with_name(output.name + ".part")
    part.write_bytes(dumps(objects))
    if whole:
        part.replace(output)
        print(f"{output}: {len(objects)} 个对象 objects")
        if redact:
            typer.echo(
                "已遮盖能认出的内容，交出前请再看一遍 / masked what is known: look it over before "
                "you share it",
                err=True,
            )
        return
    print(f"{part}: {len(objects)} 个对象，没有录完 objects, not whole")
    raise typer.Exit(1)


class _progress:  # noqa: N801  a context manager, used as a verb
    """How many objects there are so far, on standard error, if that is a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("录制 recording"),
            BarColumn(),
            TextColumn("{task.completed} 个对象 objects"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> Callable[[int], None]:
        self._progress.start()
        task = self._progress.add_task("", total=None)
        return lambda count: self._progress.update(task, completed=count)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
