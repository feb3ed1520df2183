"""``wanglou office``: the command office's client."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import office_alarms
from cli.where import OfficeFile
from wire.notice import Attested, Verb

app = typer.Typer(help="指挥部办公室终端 / the command office's client.", no_args_is_help=True)

app.add_typer(office_alarms.app)

Config = OfficeFile
Json = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
NoticeId = Annotated[str, typer.Argument(help="通知编号 / the notice's id (N-…)")]
WarningId = Annotated[str, typer.Argument(help="预警编号 / the warning's id (W-…)")]
OpenId = Annotated[
    str, typer.Argument(help="预警或事件编号 / the warning's or incident's id (W-…, E-…)")
]
TargetId = Annotated[str, typer.Argument(help="企业或信息系统编号 / operator's or system's id")]
Account = Annotated[str, typer.Option("--as", help="账号 / account in the register")]
Key = Annotated[str | None, typer.Option("--key", help="本人密钥名，缺省同账号 / own key's name")]
Reason = Annotated[str, typer.Option("--reason", help="理由 / why")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="等待答复的秒数 / seconds to wait")]


class Said(StrEnum):
    """What can be attested, or taken back."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"
    WITHDRAW = "withdraw"


@app.command()
def watch(
    config: Config,
    as_json: Json = False,
    once: bool = typer.Option(False, "--once", help="收到一件通知即结束 / end after one notice"),
) -> None:
    """接收、验证、保存并显示通知 / receive, verify, store and show notices."""
    from cli import office_run
    from config.io.load import load_office_settings
    from transport.io import log as logs

    logs.setup()
    with office_run.faults_told():
        settings = load_office_settings(config)
        with office_run.open_store(settings) as store:
            office_run.watch(settings, store, as_json=as_json, once=once)


@app.command("list")
def list_notices(
    config: Config,
    as_json: Json = False,
    most: int = typer.Option(50, "--last", min=1, max=10_000, help="件数 / how many"),
) -> None:
    """列出已收通知 / list the notices received."""
    from cli import office_run, office_text
    from config.io.load import load_office_settings
    from escalation.io.office import notice_data

    with (
        office_run.faults_told(),
        office_run.open_store(load_office_settings(config)) as store,
    ):
        for stored in store.latest(most):
            if as_json:
                office_run.print_json(notice_data(stored))
            else:
                print(office_text.list_line(stored))


@app.command()
def show(notice: NoticeId, config: Config, as_json: Json = False) -> None:
    """显示一件通知 / show one notice."""
    from cli import office_run, office_text
    from config.io.load import load_office_settings
    from escalation.io.office import notice_data

    with (
        office_run.faults_told(),
        office_run.open_store(load_office_settings(config)) as store,
    ):
        found = store.by_id(notice)
        if not found:
            office_run.fail(f"没有收到过 {notice} / {notice} was never received", code=1)
        for stored in found:
            if as_json:
                office_run.print_json(notice_data(stored))
            else:
                office_text.show_notice(office_text.console(), stored)


@app.command()
def ack(
    notice: NoticeId,
    config: Config,
    account: Account,
    key: Key = None,
    reason: Reason = "",
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """确认收到一件通知 / acknowledge a notice."""
    _order(Verb.ACK, notice, config, account, key, reason, wait, as_json)


@app.command()
def propose(
    warning: WarningId,
    config: Config,
    account: Account,
    key: Key = None,
    reason: Reason = "",
    wait: Wait = 20,
    as_json: Json = False,
    projected: Annotated[
        bool, typer.Option("--projected", help="按预计的级别提请 / the projected level")
    ] = False,
) -> None:
    """提请县指挥部 / propose the draft to the headquarters."""
    _order(Verb.PROPOSE, warning, config, account, key, reason, wait, as_json, projected=projected)


@app.command()
def issue(
    warning: WarningId,
    config: Config,
    account: Account,
    key: Key = None,
    reason: Reason = "",
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """发布、调整或续期预警 / issue, adjust or renew the warning."""
    _order(Verb.ISSUE, warning, config, account, key, reason, wait, as_json)


@app.command()
def withdraw(
    warning: WarningId,
    config: Config,
    account: Account,
    key: Key = None,
    reason: Reason = "",
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """撤回草案或预警 / withdraw the draft or the warning."""
    _order(Verb.WITHDRAW, warning, config, account, key, reason, wait, as_json)


@app.command()
def lift(
    warning: WarningId,
    config: Config,
    account: Account,
    key: Key = None,
    reason: Reason = "",
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """解除预警 / lift the warning."""
    _order(Verb.LIFT, warning, config, account, key, reason, wait, as_json)


@app.command()
def adopt(
    warning: OpenId,
    config: Config,
    account: Account,
    key: Key = None,
    reason: Reason = "",
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """改按现行规则研判未结的预警或事件 / judge what is open by the rules in force from now on."""
    _order(Verb.ADOPT, warning, config, account, key, reason, wait, as_json)


SaidBy = Annotated[str, typer.Option("--source", help="由谁告知、依据何事 / who said so")]
Until = Annotated[
    int | None,
    typer.Option("--until", min=1, max=1440, help="有效分钟数，缺省按参数 / minutes"),
]


@app.command()
def attest(  # noqa: PLR0917  one parameter per option, as typer reads them
    target: TargetId,
    state: Annotated[Said, typer.Argument(help="电话得知的状态，withdraw 为撤回 / as told")],
    config: Config,
    account: Account,
    source: SaidBy = "",
    until: Until = None,
    key: Key = None,
    reason: Reason = "",
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """登记或撤回电话核实的状态 / enter or withdraw a state told by telephone."""
    said = (_state(state.value), source, _seconds(until))
    _order(Verb.ATTEST, target, config, account, key, reason, wait, as_json, said=said)


@app.command()
def fact(  # noqa: PLR0917  one parameter per option, as typer reads them
    fact: Annotated[str, typer.Argument(help="预案事项，或 spread / fact of the plan")],
    value: Annotated[str, typer.Argument(help="yes、no 或级别，withdraw 为撤回 / or a level")],
    config: Config,
    account: Account,
    source: SaidBy = "",
    until: Until = None,
    key: Key = None,
    reason: Reason = "",
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """登记或撤回只有人能判断的事项 / enter or withdraw what only people can judge."""
    said = (_state(value), source, _seconds(until))
    _order(Verb.FACT, fact, config, account, key, reason, wait, as_json, said=said)


class Hit(StrEnum):
    """To what degree a threat may hit; or take it back."""

    PARTIAL = "partial"
    FULL = "full"
    WITHDRAW = "withdraw"


List = Annotated[str, typer.Option(help="编号，逗号分隔 / ids, a,b,c")]


@app.command()
def threat(  # noqa: PLR0917  one parameter per option, as typer reads them
    config: Config,
    name: Annotated[str, typer.Argument(help="自定编号 / an id of your own")] = "",
    degree: Annotated[Hit, typer.Argument(help="可能影响的程度，withdraw 为撤回")] = Hit.PARTIAL,
    what: Annotated[str, typer.Option("--what", help="什么威胁 / what it is")] = "",
    towns: List = "",
    operators: List = "",
    systems: List = "",
    spread: Annotated[bool, typer.Option("--spread", help="可能扩散 / may spread")] = False,
    source: SaidBy = "",
    hours: Annotated[
        int | None, typer.Option("--hours", min=1, max=168, help="有效小时数 / hours")
    ] = None,
    cap: Annotated[
        Path | None, typer.Option("--cap", help="CAP 1.2 预警文件 / a warning's file")
    ] = None,
    account: Annotated[str, typer.Option("--as", help="账号；无此项只显示 --cap 内容")] = "",
    key: Key = None,
    reason: Reason = "",
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """登记或撤回外部威胁，只进入预测 / enter or withdraw a threat; it is only projected."""
    from cli import office_run, office_threat
    from config.io.load import load_office_settings
    from transport.io import log as logs
    from transport.io.clock import Clock

    logs.setup("error")
    typed = office_threat.Typed(what, towns, operators, systems, spread)
    word, valid_s = None, None if hours is None else hours * 3600
    if cap is not None:
        alert = office_threat.read_cap(cap)
        print(office_threat.said_by_cap(alert))
        if not account:
            raise typer.Exit
        with office_run.faults_told():
            settings = load_office_settings(config)
        now_ms = Clock.of(settings.clock).now_ms()
        made = office_threat.propose(alert, settings.county.county, typed, now_ms=now_ms)
        name, word = name or made.target, made.word
        source, valid_s = source or made.source, valid_s or made.valid_s
    elif degree is not Hit.WITHDRAW:
        word = office_threat.word_of(typed)
    if not name or not account:
        office_run.fail("要有编号和账号 / an id and --as are needed")
    asked = office_run.Asked(
        Verb.THREAT,
        name,
        account,
        key or account,
        reason,
        _state(degree.value),
        "" if word is None else source,
        None if word is None else valid_s,
        word,
    )
    office_run.order(config, asked, wait_s=wait, as_json=as_json)


@app.command()
def report(
    warning: Annotated[str, typer.Argument(help="预警编号，缺省为最近一个 / the newest one")] = "",
    collector: Annotated[
        Path | None, typer.Option("--collector", help="汇聚端 collector.toml：直接读日志 / journal")
    ] = None,
    url: Annotated[str, typer.Option("--url", help="网页地址 / address of the pages")] = "",
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--md", help="输出 Markdown 原文 / plain")] = False,
) -> None:
    """结案报告：经过、范围、指令、核实、盲区、通知 / the closing report of a warning."""
    from cli import office_report

    form = "json" if as_json else "md" if markdown else ""
    office_report.show(warning, collector, url, form)


def _state(word: str) -> str:
    return Attested.WITHDRAWN.value if word == Said.WITHDRAW else word


def _seconds(minutes: int | None) -> int | None:
    return None if minutes is None else minutes * 60


def _order(
    verb: Verb,
    target: str,
    config: Path,
    account: str,
    key: str | None,
    reason: str,
    wait: float,
    as_json: bool,
    *,
    said: tuple[str | None, str, int | None] = (None, "", None),
    projected: bool = False,
) -> None:
    from cli import office_run
    from transport.io import log as logs

    logs.setup("error")
    asked = office_run.Asked(
        verb, target, account, key or account, reason, *said, projected=projected
    )
    office_run.order(config, asked, wait_s=wait, as_json=as_json)
