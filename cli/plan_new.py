"""``wanglou plan new``: the interview."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Final

import typer

from collector.plan_space import survey
from config.draft import Answers, draft, seats
from config.faults import ConfigError
from config.io.plan import SHIPPED, load_plan
from config.plan import Plan

BASES: Final = {
    "three": (SHIPPED, "三种情形、两级响应 / three scenarios, two levels"),
    "four": (
        SHIPPED.parent / "plans" / "four-levels-example.toml",
        "四色预警、四级响应 / four colours, four levels",
    ),
}
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")


def interview(output: Path, base: str) -> None:
    """Ask, write the file, judge it. Raises ConfigError when the base cannot be used."""
    if output.exists():
        _fail(f"{output} 已存在，请写到新文件 / {output} exists: name a new file")
    path = _base(base)
    plan = load_plan(path)
    typer.echo("回车采用方括号中的答案。/ Enter takes the answer in brackets.")
    answers = _answers(plan)
    text = draft(path.read_text(encoding="utf-8"), plan, answers)
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as problem:
        _fail(f"{output}: 无法写入 / cannot be written: {problem.strerror}")
    _judge(output)


def _base(base: str) -> Path:
    if not base:
        for name, (_, said) in BASES.items():
            typer.echo(f"  {name}: {said}")
        base = _ask("样本 base", "three", lambda said: said in BASES or Path(said).exists())
    return BASES[base][0] if base in BASES else Path(base)


def _answers(plan: Plan) -> Answers:
    county = _ask("县名 county", "示例县", bool)
    ident = _ask("预案编号（字母、数字）id", "plan-1", lambda said: bool(_ID.fullmatch(said)))
    title = _ask("预案名称 title", f"{county}通信网络事故应急预案", bool)
    number = _ask("文号 number", "（待填）", bool)
    issuer = _ask("印发单位 issuer", f"{county}人民政府办公室", bool)
    issued = _ask("印发日期 issued", date.today().isoformat(), _is_date)  # noqa: DTZ011  a calendar day
    organs = {id_: _ask(f"机构 organ {id_}", name, bool) for id_, name in seats(plan).items()}
    listed = ",".join(f"{one.id}={one.name.zh}" for one in plan.operators)
    said = _ask("基础电信运营企业 operators", listed, lambda text: bool(_operators(text)))
    operators = {} if said == listed else _operators(said)
    return Answers(ident, title, number, issuer, date.fromisoformat(issued), organs, operators)


def _ask(question: str, default: str, fits: object) -> str:
    """An answer that fits; asked again until one does."""
    assert callable(fits)
    while True:
        said = str(typer.prompt(question, default=default)).strip()
        if fits(said):
            return said
        typer.echo(f"不能用：{said} / cannot be used")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _operators(text: str) -> dict[str, str]:
    """``id=name`` pairs; empty when they cannot be read."""
    pairs = [part.strip().partition("=") for part in re.split("[,，]", text)]
    fine = all(_ID.fullmatch(name) and said.strip() for name, _, said in pairs)
    found = {name: said.strip() for name, _, said in pairs}
    return found if fine and len(found) == len(pairs) else {}


def _judge(output: Path) -> None:
    """Say what the file is worth now, and what to do with it."""
    try:
        result = survey(load_plan(output))
    except ConfigError as problem:
        typer.echo(f"已写出 {output}，还有问题 / written, but not yet sound:\n{problem}")
        raise typer.Exit(1) from None
    for fault in result.faults.values():
        typer.echo(f"错 error: {fault.zh} / {fault.en}")
    typer.echo(
        f"已写出 {output}：{result.cells} 种情况都有规则负责；请逐条核对标有“（待核对）”的条款，"
        f"再运行 wanglou plan check {output} / written: every state has its owner; now hold each "
        "marked clause against the paper, and check the file again"
    )
    if result.faults:
        raise typer.Exit(1)


def _fail(said: str) -> None:
    typer.echo(said, err=True)
    raise typer.Exit(2)
