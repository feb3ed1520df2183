"""``wanglou office shelve … maintenance``: the words that are signed, and those refused."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli import office_threat
from cli.main import app
from escalation.cap import parse
from tests.escalation.side import make_keys, toml
from tests.escalation.test_cap import message
from tests.peers import free_port
from wire.notice import Command, Signed, Verb

SHELVE = ("shelve", "cm-1|device-unreachable", "--name", "搬迁", "--reason", "待拆除", "--for", "2")
ADD = (
    "maintenance", "add", "m-1", "站点:cm-rc-01", "企业:cmcc/140522100",
    "--from", "2026-11-24 22:00", "--to", "2026-11-25 02:00", "--rrule", "freq=weekly;byday=tu",
    "--name", "割接", "--reason", "工单42",
)  # fmt: skip


@pytest.fixture
def office(tmp_path: Path) -> Path:
    make_keys(tmp_path)
    return toml(tmp_path, free_port())


def said(office: Path, *words: str) -> Command:
    """What the command put into the outbox; nobody answers."""
    ran = CliRunner().invoke(
        app, ["office", *words, "--config", str(office), "--as", "li", "--wait", "0"]
    )
    assert ran.exit_code == 3, ran.output
    found = list(office.parent.rglob("office.db"))
    with contextlib.closing(sqlite3.connect(found[0])) as db:
        (body,) = db.execute("SELECT body FROM outbox_row ORDER BY rowid DESC LIMIT 1").fetchone()
    return Command.model_validate_json(Signed.model_validate_json(body).payload)


def test_a_shelf_is_signed_with_name_reason_and_term(office: Path) -> None:
    command = said(office, *SHELVE)
    assert (command.verb, command.target) == (Verb.ALARM, "cm-1")
    word = command.word
    assert word is not None
    assert (word.id, word.account, word.at_ms) == (command.id, "li", command.at_ms)
    assert word.alarms == ("cm-1|device-unreachable|",)
    assert (word.name, word.text, word.valid_s) == ("搬迁", "待拆除", 7200)


def test_a_window_is_said_in_local_time_and_office_words(office: Path) -> None:
    word = said(office, *ADD).word
    assert word is not None
    window = word.window
    assert window is not None
    assert window.targets == ("site:cm-rc-01", "operator:cmcc/140522100")
    assert (window.start_ms, window.end_ms - window.start_ms) == (1_795_528_800_000, 14_400_000)
    assert window.rrule == "FREQ=WEEKLY;BYDAY=TU"
    ended = said(office, "maintenance", "end", "m-1", "--reason", "提前完成").word
    assert ended is not None
    assert (ended.verb.value, ended.target, ended.text) == ("end", "m-1", "提前完成")


def test_a_window_without_a_beginning_begins_now(office: Path) -> None:
    words = [one for one in ADD if one not in {"--from", "2026-11-24 22:00"}]
    words[words.index("2026-11-25 02:00")] = "2035-01-01 02:00"
    word = said(office, *words).word
    assert word is not None
    assert word.window is not None
    assert word.window.start_ms == word.at_ms


def test_a_time_of_day_is_todays_and_an_end_the_first_after_the_beginning(office: Path) -> None:
    words = list(ADD)
    words[words.index("2026-11-24 22:00")] = "22:00"
    words[words.index("2026-11-25 02:00")] = "2:00"
    word = said(office, *words).word
    assert word is not None
    assert word.window is not None
    assert word.window.end_ms - word.window.start_ms == 4 * 3_600_000
    assert (word.window.start_ms // 3_600_000) % 24 == 14  # 22:00 in China


def test_a_cap_files_term_is_told_by_the_clock_of_the_tree() -> None:
    """A drill's domain time may be far from ours."""
    alert = parse(message())
    (info,) = alert.infos
    assert info.expires_ms is not None
    typed = office_threat.Typed("", "140522100", "", "", spread=False)
    made = office_threat.propose(alert, "140522", typed, now_ms=info.expires_ms - 3_600_000)
    assert made.valid_s == 3600
    with pytest.raises(typer.Exit):
        office_threat.propose(alert, "140522", typed, now_ms=info.expires_ms)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*ADD[:6], "25:00", *ADD[7:]), "is no date and time"),
        ((*ADD[:2], "m-1", "cm-rc-01", *ADD[5:]), "names no target"),
        ((*ADD[:6], "tonight", *ADD[7:]), "is no date and time"),
        ((*ADD[:10], "FREQ=HOURLY", *ADD[11:]), "has a FREQ"),
        (("shelve", "cm-1|x|", "--name", "n", "--reason", " "), "has a name and a reason"),
        (("purge",), "not a valid order"),
    ],
)
def test_what_makes_no_word_is_said_in_a_sentence(
    office: Path, words: tuple[str, ...], told: str
) -> None:
    ran = CliRunner().invoke(
        app, ["office", *words, "--config", str(office), "--as", "li", "--wait", "0"]
    )
    assert ran.exit_code == 2
    assert told in ran.output
