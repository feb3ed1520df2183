"""``wanglou rules``: a change of plan, policy or register as an act that people sign."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NoReturn

import typer

from cli.where import CollectorFile

if TYPE_CHECKING:
    from collector.base import World
    from collector.county import County
    from collector.io.configured import Keys
    from collector.io.rules import Filed
    from config.settings import CollectorSettings

app = typer.Typer(
    help="规则变更：提交、批准、查看 / changes of the rules: submit, approve, show.",
    no_args_is_help=True,
)

MOST_EDITS = 30
"""Edited values that are listed."""

As = Annotated[str, typer.Option("--as", help="账号 / the account that signs")]
KeyFolder = Annotated[
    Path | None, typer.Option("--keys", help="密钥目录，缺省为汇聚端的 / the folder of the key")
]
Reason = Annotated[str, typer.Option(help="为什么变更 / why")]
From = Annotated[
    datetime | None,
    typer.Option(
        "--from", formats=["%Y-%m-%d", "%Y-%m-%d %H:%M"],
        help="何时生效（北京时间），缺省为立即 / from when (China Standard Time); at once",
    ),
]  # fmt: skip
Number = Annotated[str, typer.Argument(help="编号（show 所列）/ its id, as show lists it")]


class _Place(NamedTuple):
    """What every command needs: settings, keys, the rules in force, the moment.

    ``world`` has them as the store knows them; None where there is no store yet, and the rules in
    force are not known: ``inforce`` is then what the files say.
    """

    settings: CollectorSettings
    keys: Keys
    inforce: County
    world: World | None
    now_ms: int
    folder: Path


@app.callback()
def rules() -> None:
    """规则变更：提交、批准、查看 / changes of the rules: submit, approve, show."""


@app.command()
def submit(
    config: CollectorFile, account: As, reason: Reason, begin: From = None, keys: KeyFolder = None
) -> None:
    """提交：检查文件、讲规则故事、签名 / check the files, tell them the rule stories, sign."""
    from cli.story_run import Rules, files
    from collector.changes import edits, parts
    from collector.io import rules as filed
    from collector.io.configured import load_county
    from collector.period import CST
    from collector.rulechange import RuleChange

    if not reason.strip():
        _fail("变更要写明理由 / a change has a reason")
    with _told():
        place = _stored(config)
        county = load_county(place.settings)
        if county.hash == place.inforce.hash:
            _fail("文件与现行规则相同 / the files are what is in force")
        told = Rules(_path(place.settings.collector.plan), _path(place.settings.collector.policy))
        outcomes = [told.tell(path) for path in files(())]
        failed = tuple(Path(one.file).stem for one in outcomes if not one.good)
        from_ms = round(begin.replace(tzinfo=CST).timestamp() * 1000) if begin else place.now_ms
        change = RuleChange(
            county=county.register.county,
            tree=county.bundle.tree,
            hash=county.hash,
            was=place.inforce.hash,
            account=account,
            at_ms=place.now_ms,
            from_ms=from_ms,
            reason=reason,
            parts=parts(place.inforce, county),
            stories=len(outcomes),
            failed=failed,
        )
        path = filed.submit(place.folder, county, _signed(place, keys, account, change))
    typer.echo(
        f"已提交 {path.stem}：改动 {'、'.join(change.parts)}；规则故事 {len(outcomes)} 个，"
        f"不符 {len(failed)} 个 / submitted: {', '.join(change.parts)}; of {len(outcomes)} "
        f"rule stories {len(failed)} go otherwise"
    )
    for name in failed:
        typer.echo(f"  不符 otherwise: {name}")
    lines = list(edits(place.inforce, county))
    for line in lines[:MOST_EDITS]:
        typer.echo(f"  {line}")
    if len(lines) > MOST_EDITS:
        typer.echo(f"  另有 {len(lines) - MOST_EDITS} 处 / and {len(lines) - MOST_EDITS} more")


@app.command()
def approve(config: CollectorFile, number: Number, account: As, keys: KeyFolder = None) -> None:
    """批准：由另一个账号签名 / approve a change, by another account than its author's."""
    from collector.io import rules as filed
    from collector.rulechange import RuleApproval
    from collector.ruling import SAID

    with _told():
        place = _stored(config)
        one = next((one for one in _filed(place) if one.path.stem == number), None)
        if one is None:
            _fail(f"没有变更 {number} / no such change: {number}")
        if one.sheet.change.account == account:
            _fail("提交人不能批准自己的变更 / its author may not approve it")
        approval = RuleApproval(
            county=one.sheet.change.county,
            tree=one.sheet.change.tree,
            change=one.sheet.digest,
            account=account,
            at_ms=place.now_ms,
        )
        filed.approve(one.path, _signed(place, keys, account, approval))
        again = next(one for one in _filed(place) if one.path.stem == number)
    said = SAID[_stand(place, again)]
    typer.echo(f"{number}: {said.zh} / {said.en}")


@app.command()
def show(
    config: CollectorFile,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")] = False,
) -> None:
    """现行规则与已提交的变更 / the rules in force, and the changes that were submitted."""
    import json

    from rich.console import Console

    from collector.inforce import named
    from collector.inforce import rules as rules_of
    from collector.io.configured import load_county

    with _told():
        place = _place(config)
        rows = [_row(place, one) for one in _filed(place)]
        files = load_county(place.settings)
    held = rules_of(place.world) if place.world else None
    if as_json:
        shown = held._asdict() | {"said": held.said.model_dump()} if held else None
        given = {"in_force": shown, "files": named(files), "changes": rows}
        print(json.dumps(given, ensure_ascii=False))
        return
    console = Console(width=None if sys.stdout.isatty() else 140)
    for line in _heading(place, files):
        console.print(line, markup=False, highlight=False)
    if rows:
        console.print(_table(rows))
    else:
        console.print("没有提交过变更 / no change was ever submitted")


def _heading(place: _Place, files: County) -> Iterator[str]:
    """Which rules are in force, who signed for them, and what the files would change."""
    from collector.changes import edits, parts
    from collector.inforce import PARTS, named
    from collector.inforce import rules as rules_of

    if place.world is None:
        yield (
            "尚无数据库，汇聚端还没有运行过：现行规则无从得知 / "
            "there is no store yet, no collector has run: nothing is in force"
        )
        yield (
            f"文件 files: 规则 rules {named(files)}，首次启动时生效 / in force at the first start"
        )
        return
    held = rules_of(place.world)
    yield f"现行 in force: 规则 rules {held.in_force}；{held.said.zh} / {held.said.en}"
    if held.keeps:
        yield f"{held.keeps} 仍按 is still judged by {held.judged}：office adopt {held.keeps}"
    signed = place.settings.rules.signed
    if files.hash != place.inforce.hash:
        found = parts(place.inforce, files)
        zh, en = ("、".join(PARTS[p].zh for p in found), ", ".join(PARTS[p].en for p in found))
        yield f"文件不同 files differ: 规则 rules {named(files)}（{zh} / {en}）"
        yield from (f"  {line}" for line in islice(edits(place.inforce, files), MOST_EDITS))
    if not signed:
        yield (
            "[rules] signed = false：文件一改，重启即生效；事先 rules submit 的有署名，"
            "否则记为未署名 / files come into force at each start, unsigned unless submitted before"
        )


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    from collector.analysis_sheets import stamp
    from collector.ruling import SAID, Word

    table = Table(box=None, padding=(0, 1), header_style="bold")
    for head in ("编号 id", "规则 rules", "状态 state", "提交 by", "批准 approved", "生效 from",
                 "改动 parts", "故事 stories", "理由 reason"):  # fmt: skip
        table.add_column(head, overflow="fold")
    for row in rows:
        said = SAID[Word(row["state"])]
        table.add_row(
            *map(
                Text,
                (
                    row["id"],
                    row["rules"],
                    f"{said.zh} {said.en}",
                    row["account"],
                    row["approved"] or "–",
                    stamp(row["from_ms"]),
                    " ".join(row["parts"]),
                    f"{row['stories'] - len(row['failed'])}/{row['stories']}",
                    row["reason"],
                ),
            )
        )
    return table


def _row(place: _Place, one: Filed) -> dict[str, Any]:
    from collector.changes import edits
    from collector.inforce import named
    from collector.ruling import approved_by
    from collector.world import charter

    roles = place.settings.rules.roles
    return one.sheet.change.model_dump(mode="json") | {
        "id": one.path.stem,
        "rules": named(one.county),
        "edits": list(edits(place.inforce, one.county))[:MOST_EDITS],
        "state": _stand(place, one).value,
        "approved": approved_by(one.sheet, charter(place.inforce), roles, place.now_ms),
    }


def _stand(place: _Place, one: Filed) -> Any:
    from collector.ruling import stand

    ask = place.settings.rules
    second = ask.second and ask.signed  # else the files come into force by themselves
    return stand(one.sheet, place.inforce, roles=ask.roles, second=second, now_ms=place.now_ms)


def _filed(place: _Place) -> list[Filed]:
    from collector.io.rules import read

    found, broken = read(place.folder, place.keys.trusted)
    for one in broken:
        print(f"{one.path.name}: 不可信 / not to be believed: {one.reason}", file=sys.stderr)
    return found


def _place(config: Path) -> _Place:
    from collector.io.configured import database, load_county, load_keys, load_settings
    from collector.io.follow import Follower
    from collector.io.journal import open_readonly
    from collector.io.rules import FOLDER
    from collector.io.store import Store
    from transport.io.clock import Clock

    settings = load_settings(config)
    keys = load_keys(settings)
    world: World | None = None
    try:
        with closing(open_readonly(database(settings))) as db:
            world = Follower(Store(db, now_s=lambda: 0)).world
            county = world.newest
    except FileNotFoundError:
        county = load_county(settings)
    folder = Path(settings.collector.state_dir) / FOLDER
    return _Place(settings, keys, county, world, Clock.of(settings.clock).now_ms(), folder)


def _stored(config: Path) -> _Place:
    """The place of a collector that has run; else the first start takes the files as they are."""
    place = _place(config)
    if place.world is None:
        _fail(
            "尚无数据库：首次启动即按文件生效，无须提交 / there is no store yet: the first start "
            "takes the files as they are, nothing is to be submitted"
        )
    return place


def _signed(place: _Place, folder: Path | None, account: str, payload: Any) -> Any:
    """``payload`` by the person's key, which the register names."""
    from collector.ruling import may
    from collector.world import charter
    from transport.io.keys import KeyFault, load_key
    from transport.sign import sign

    people = {person.account: person.key for person in place.inforce.register.people}
    if account not in people:
        _fail(f"没有账号 {account} / no such account: {account}")
    roles = place.settings.rules.roles
    if not may(charter(place.inforce).member(account), people[account], roles, place.now_ms):
        _fail(
            f"{account} 无权变更规则，或不在任；可办理的角色：{'、'.join(roles)} / "
            f"{account} may not change the rules, or is not in office; roles: {', '.join(roles)}"
        )
    keys = folder or Path(place.settings.collector.keys_dir)
    try:
        own = load_key(keys, people[account])
    except KeyFault as fault:
        _fail(
            f"没有 {account} 可用的密钥，未签署；密钥在别处时用 --keys 写明 / "
            f"no usable key of {account}, nothing was signed; --keys says where it is: {fault}"
        )
    return sign(payload, "rules", own)


def _path(path: object) -> Path | None:
    return None if path is None else Path(str(path))


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong in its own words, exit code 1."""
    import sqlite3

    from collector.io.restore import Unusable
    from config.faults import ConfigError
    from transport.io.keys import KeyFault

    try:
        yield
    except (ConfigError, KeyFault, Unusable, sqlite3.Error, OSError) as fault:
        _fail(str(fault))


def _fail(sentence: str) -> NoReturn:
    print(f"wanglou rules: {sentence}", file=sys.stderr)
    raise typer.Exit(1)
