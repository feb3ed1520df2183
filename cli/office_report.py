"""``wanglou office report``: a warning's closing report, from the journal or from the pages."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn

import typer

MISSING, FAULTY = 1, 2
"""Exit codes beside 0: no such warning; the journal or the pages cannot be read."""

HERE = Path("collector.toml")


def show(warning: str, collector: Path | None, url: str, form: str) -> None:
    """Print it: ``form`` json, md, or nothing for a person at a terminal."""
    data, text = (
        _from_pages(url.rstrip("/"), warning) if url else _from_journal(collector or HERE, warning)
    )
    if form == "json":
        print(data)
    elif form == "md" or not sys.stdout.isatty():
        print(text, end="")
    else:
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))


def _fail(sentence: str, code: int) -> NoReturn:
    print(f"wanglou office report: {sentence}", file=sys.stderr)
    raise typer.Exit(code)


def _from_journal(config: Path, warning: str) -> tuple[str, str]:
    """Beside the running collector, read only."""
    import contextlib
    import sqlite3

    from collector.closing import closing
    from collector.io.configured import database, load_settings
    from collector.io.journal import closing_lines, last_warning, open_readonly
    from collector.io.restore import Unusable
    from collector.io.store import Store
    from config.faults import ConfigError

    try:
        with contextlib.closing(open_readonly(database(load_settings(config)))) as db:
            asked = warning or last_warning(db)
            county = Store(db, now_s=lambda: 0).resolve("")  # the newest
            data, text = closing(county, closing_lines(db, asked), asked)
    except KeyError:
        _fail(f"没有预警 / no such warning {warning}", MISSING)
    except FileNotFoundError as fault:
        _fail(f"没有日志 / there is no store at {fault}", FAULTY)
    except (ConfigError, Unusable, sqlite3.Error) as fault:
        _fail(str(fault), FAULTY)
    return json.dumps(data, ensure_ascii=False), text


def _from_pages(url: str, warning: str) -> tuple[str, str]:
    """From the collector's pages, over the network."""
    try:
        asked = warning or _newest(url)
        data = _get(f"{url}/api/v1/reports/{asked}?form=json")
        return data, _get(f"{url}/api/v1/reports/{asked}?form=md")
    except urllib.error.HTTPError as fault:
        _fail(f"{warning}: HTTP {fault.code}", MISSING if fault.code == 404 else FAULTY)
    except (OSError, ValueError) as fault:
        _fail(_unread(url, fault), FAULTY)


def _unread(url: str, fault: Exception) -> str:
    return f"{url}：网页没有应答 / the pages do not answer: {fault}"


def windows(url: str, *, as_json: bool) -> None:
    """Print the maintenance windows and the shelf that the pages show."""
    try:
        raw = _get(f"{url}/api/v1/maintenance")
        found = json.loads(raw)
    except (OSError, ValueError) as fault:
        print(f"wanglou office maintenance list: {_unread(url, fault)}", file=sys.stderr)
        raise typer.Exit(FAULTY) from None
    if as_json:
        print(raw)
        return
    for one in found["windows"]:
        span = " – ".join(at(one[edge]) for edge in ("begins_ms", "ends_ms") if one[edge])
        rule = f"  {one['rrule']}" if one["rrule"] else ""
        state = STATES[one["state"]]
        print(f"{one['id']}  {state}  {span}{rule}  {one['name']}（{one['reason']}）")
        named = "、".join(target["zh"] for target in one["targets"])
        wrong = f"，{one['wrong']} 台不正常 / out of order" if one["wrong"] else ""
        print(f"    {named}  {one['devices']} 台设备 / devices{wrong}")
    for one in found["shelf"]:
        print(f"{one['alarm']}  已搁置 / shelved  – {at(one['until_ms'])}  {one['name']}")


STATES = {"open": "维护中 / open", "coming": "未开始 / coming"}


def at(at_ms: int) -> str:
    """A moment in the county's time."""
    from escalation.words import moment

    return moment(at_ms).zh


def _newest(url: str) -> str:
    shown = json.loads(_get(f"{url}/api/v1/warning"))
    found = [shown["warning"]["id"]] if shown["warning"] else shown["reports"]
    return str(found[0]) if found else _fail("没有预警 / there was no warning yet", MISSING)


def _get(address: str) -> str:
    if not address.startswith(("http://", "https://")):
        raise ValueError("http:// or https:// is missing")
    with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310  checked above
        return str(answer.read().decode())
