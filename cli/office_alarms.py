"""``wanglou office shelve | unshelve | close | purge`` and ``maintenance add | end | list``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.where import OfficeFile
from wire.alarm import AlarmVerb

app = typer.Typer()
maintenance = typer.Typer(
    help="维护窗口 / maintenance windows: add, end, list.", no_args_is_help=True
)
app.add_typer(maintenance, name="maintenance")

AlarmKeys = Annotated[
    list[str], typer.Argument(help="告警编号 设备|类型|限定 / alarms as device|type|qualifier")
]
Account = Annotated[str, typer.Option("--as", help="账号 / account in the register")]
Key = Annotated[str | None, typer.Option("--key", help="本人密钥名，缺省同账号 / own key's name")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="等待答复的秒数 / seconds to wait")]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
Why = Annotated[str, typer.Option("--reason", help="理由 / why")]
Name = Annotated[str, typer.Option("--name", help="名称 / name")]
Url = Annotated[str, typer.Option("--url", help="网页地址 / address of the pages")]


@app.command()
def shelve(  # noqa: PLR0917  one parameter per option, as typer reads them
    alarms: AlarmKeys,
    config: OfficeFile,
    account: Account,
    name: Name,
    reason: Why,
    hours: Annotated[
        float | None, typer.Option("--for", min=0.02, help="小时数，缺省按参数 / hours")
    ] = None,
    key: Key = None,
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """搁置告警：照常监测，不发通知，到期自动恢复 / shelve alarms: judged on, told to nobody."""
    valid_s = None if hours is None else round(hours * 3600)
    word = {"alarms": _alarms(alarms), "name": name, "text": reason, "valid_s": valid_s}
    _say(AlarmVerb.SHELVE, alarms[0], word, (config, account, key, wait, as_json))


@app.command()
def unshelve(
    alarms: AlarmKeys,
    config: OfficeFile,
    account: Account,
    reason: Why = "",
    key: Key = None,
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """取消搁置 / take alarms off the shelf."""
    word = {"alarms": _alarms(alarms), "text": reason}
    _say(AlarmVerb.UNSHELVE, alarms[0], word, (config, account, key, wait, as_json))


@app.command()
def close(
    alarms: AlarmKeys,
    config: OfficeFile,
    account: Account,
    reason: Why = "",
    key: Key = None,
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """关闭告警：不再列为待办，再次发生时重新打开 / close alarms until they are raised anew."""
    word = {"alarms": _alarms(alarms), "text": reason}
    _say(AlarmVerb.CLOSE, alarms[0], word, (config, account, key, wait, as_json))


@app.command()
def purge(
    config: OfficeFile,
    account: Account,
    alarms: Annotated[
        list[str] | None, typer.Argument(help="告警编号 / alarms as device|type|qualifier")
    ] = None,
    days: Annotated[
        float | None, typer.Option("--older", min=0, help="清除已满几天的全部 / days since cleared")
    ] = None,
    reason: Why = "",
    key: Key = None,
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """从列表清理已清除的告警（日志保留） / purge cleared alarms; the journal keeps them."""
    older_s = None if days is None else round(days * 86_400)
    word = {"alarms": _alarms(alarms or []), "text": reason, "older_s": older_s}
    _say(AlarmVerb.PURGE, (alarms or ["older"])[0], word, (config, account, key, wait, as_json))


@maintenance.command("add")
def add(  # noqa: PLR0917  one parameter per option, as typer reads them
    ident: Annotated[str, typer.Argument(help="窗口编号，如工单号 / the window's id")],
    targets: Annotated[
        list[str],
        typer.Argument(help="设备:ID 站点:ID 企业:ID 企业:ID/乡镇代码 / device: site: operator:"),
    ],
    config: OfficeFile,
    account: Account,
    name: Name,
    reason: Why,
    to: Annotated[str, typer.Option("--to", help='结束 / end, 18:00, "2026-11-25 02:00"')],
    start: Annotated[
        str, typer.Option("--from", help='开始，缺省即刻 / start, 8:00, "2026-11-24 22:00"')
    ] = "",
    rrule: Annotated[
        str, typer.Option("--rrule", help="重复 / repeat, FREQ=MONTHLY;BYDAY=2TU (RFC 5545)")
    ] = "",
    key: Key = None,
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """登记维护窗口：窗口内不通知、不计入，结束时重新研判 / announce work, once or recurring."""
    window = _window(ident, targets, (start, to, rrule), (name, reason), _now_ms(config))
    word = {"window": window, "alarms": (), "text": reason}
    _say(AlarmVerb.MAINTAIN, ident, word, (config, account, key, wait, as_json))


@maintenance.command("end")
def end(
    ident: Annotated[str, typer.Argument(help="窗口编号 / the window's id")],
    config: OfficeFile,
    account: Account,
    reason: Why = "",
    key: Key = None,
    wait: Wait = 20,
    as_json: Json = False,
) -> None:
    """提前结束或撤销维护窗口 / end a window early, or take it back."""
    word = {"target": ident, "alarms": (), "text": reason}
    _say(AlarmVerb.END, ident, word, (config, account, key, wait, as_json))


@maintenance.command("list")
def list_windows(url: Url = "http://127.0.0.1:8080", as_json: Json = False) -> None:
    """列出维护窗口和搁置的告警 / list the windows and what is shelved, from the pages."""
    from cli import office_report

    office_report.windows(url.rstrip("/"), as_json=as_json)


def _alarms(named: list[str]) -> tuple[str, ...]:
    """Alarms by name; one without a qualifier ends in a bar."""
    return tuple(one if one.count("|") >= 2 else f"{one}|" for one in named)


def _now_ms(config: Path) -> int:
    """Now, by the clock of the office's tree: a drill's runs faster."""
    from cli import office_run
    from config.io.load import load_office_settings
    from transport.io.clock import Clock

    with office_run.faults_told():
        return Clock.of(load_office_settings(config).clock).now_ms()
    raise AssertionError("faults_told never goes on")


def _moment(word: str, now_ms: int, after_ms: int | None = None) -> int:
    """``18:00`` of today (the first after ``after_ms``), or a date and time. Raises CellError."""
    from config.cells import Names, convert
    from config.words import As
    from escalation import moments

    try:
        found = moments.clock(word, now_ms, after_ms)
    except ValueError:
        found = None
    return int(convert(As.MOMENT, word, Names())) if found is None else found


def _window(
    ident: str,
    targets: list[str],
    when: tuple[str, str, str],
    about: tuple[str, str],
    now_ms: int,
) -> dict[str, Any]:
    from cli import office_run
    from config.cells import CellError, Names, convert
    from config.words import As

    start, to, rrule = when
    try:
        begins = _moment(start, now_ms) if start else None
        return {
            "id": ident,
            "targets": convert(As.TARGETS, ";".join(targets), Names()),
            "start_ms": begins,
            "end_ms": _moment(to, now_ms, now_ms if begins is None else begins),
            "rrule": convert(As.RULE, rrule, Names()) or "",
            "name": about[0],
            "reason": about[1],
        }
    except CellError as problem:
        hint = f" ({problem.saying.hint})" if problem.saying.hint else ""
        office_run.fail(f"{problem.saying.zh} / {problem.saying.en}{hint}")


def _say(
    verb: AlarmVerb,
    target: str,
    word: dict[str, Any],
    given: tuple[Path, str, str | None, float, bool],
) -> None:
    from cli import office_run
    from transport.io import log as logs
    from wire.notice import Verb

    logs.setup("error")
    config, account, key, wait, as_json = given
    target = target.split("|", 1)[0]
    asked = office_run.Asked(
        Verb.ALARM, target, account, key or account, "", word={"verb": verb, **word}
    )
    office_run.order(config, asked, wait_s=wait, as_json=as_json)
