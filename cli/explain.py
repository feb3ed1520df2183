"""``wanglou explain``: why something is judged as it is, now or at any retained moment."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cli.where import CollectorFile

if TYPE_CHECKING:
    from pathlib import Path

    from collector.io.restore import Restored
    from collector.io.segments import Segments
    from collector.io.then import Then


def explain(
    config: CollectorFile,
    target: Annotated[
        str,
        typer.Argument(
            help="warning（缺省）、预警编号，企业、系统、乡镇、站点或设备的编号或名称 / warning, a "
            "warning's id (as last drafted), an operator, system, town, site, device by id or name"
        ),
    ] = "warning",
    at: Annotated[
        str, typer.Option("--at", help="那一时刻，北京时间 / that moment: 14:03, 11-24 14:03, -2h")
    ] = "",
    as_json: Annotated[
        bool,
        typer.Option("--json", help="一个 JSON / one JSON object"),
    ] = False,
) -> None:
    """为什么是这样判定 / why: from readings to clause; what is missing for more; what is unknown.

    Read from the retained inputs, beside the running collector.
    """
    from rich.console import Console

    from cli.explain_page import show
    from collector.explain import NoSuchThingError
    from escalation import moments

    segments = opened(config, "explain")
    try:
        was = None if at else segments.drafted(target)
        now_ms = moment(segments, at, "explain") if was is None else was
        if at and now_ms > max(segments.span().last_ms, _clock_ms(config)):
            fail("explain", f"{moments.shown(now_ms)} 还没有到 / has not come yet")
        found, losses = answered(segments, now_ms, target)
    except NoSuchThingError as fault:
        fail("explain", str(fault))
    finally:
        segments.close()
    if as_json:
        print(found.model_dump_json())
        return
    for loss in losses:
        print(f"wanglou explain: {loss}", file=sys.stderr)
    show(found, Console(width=None if sys.stdout.isatty() else 140))


def fail(command: str, sentence: str, code: int = 1) -> NoReturn:
    """End the program with a sentence."""
    print(f"wanglou {command}: {sentence}", file=sys.stderr)
    raise typer.Exit(code)


def _clock_ms(config: Path) -> int:
    """Now, by the county's own clock."""
    from collector.io.configured import load_settings
    from transport.io.clock import Clock

    return Clock.of(load_settings(config).clock).now_ms()


def opened(config: Path, command: str, code: int = 1) -> Segments:
    """The store that a settings file names. Ends the program when there is none."""
    import sqlite3

    from collector.io.configured import database, load_settings
    from collector.io.segments import Segments
    from config.faults import ConfigError

    try:
        return Segments(database(load_settings(config)))
    except FileNotFoundError as fault:
        fail(command, f"没有数据库 / there is no store at {fault}", code)
    except (ConfigError, sqlite3.Error) as fault:
        fail(command, str(fault), code)


def moment(segments: Segments, word: str, command: str, code: int = 1) -> int:
    """The moment of ``--at``; without it that of the last input. Ends the program on a wrong one.

    A drill's clock runs faster than ours: "now" is the last that the store knows.
    """
    from escalation import moments

    last_ms = segments.span().last_ms
    if not word:
        return last_ms
    try:
        return moments.parse(word, last_ms)
    except ValueError:
        fail(command, f"看不懂时间“{word}” / no moment: {word!r}; write {moments.FORMS}", code)


def world_of(segments: Segments, at_ms: int, command: str, code: int = 1) -> Restored:
    """The World of a moment. Ends the program when there is none."""
    with _told(command, at_ms, code):
        return segments.world_at(at_ms)


def answered(segments: Segments, at_ms: int, target: str) -> Then:
    """Why it was so at a moment. Ends the program when there is no World of it."""
    from collector.io.then import explained

    with _told("explain", at_ms, 1):
        return explained(segments, at_ms, target)


@contextlib.contextmanager
def _told(command: str, at_ms: int, code: int) -> Iterator[None]:
    """End the program with a sentence where there is no World of the moment."""
    from collector.io.restore import Unusable
    from collector.io.segments import TooEarlyError
    from escalation import moments

    try:
        yield
    except TooEarlyError as fault:
        first, last = (moments.shown(one) for one in fault.span)
        fail(
            command,
            f"{moments.shown(at_ms)} 的输入不在库中；现有 {first} 至 {last} / inputs are retained "
            f"from {first} to {last}",
            code,
        )
    except Unusable as fault:
        fail(command, str(fault), code)
