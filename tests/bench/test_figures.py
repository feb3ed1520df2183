"""How figures are told: medians, verdicts, ratios, tables."""

from __future__ import annotations

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bench import __main__ as command
from bench.figures import Figure, Report, Target, ratio

US = "µs/device"


@pytest.mark.parametrize(
    ("target", "rounds", "verdict"),
    [
        (None, (1.0,), ""),
        (Target(40.0), (10.0, 39.0, 90.0), "met"),
        (Target(40.0), (48.0,), "missed by 20%"),
        (Target(4.0, at_least=True), (5.0, 3.0, 4.0), "met"),
        (Target(4.0, at_least=True), (2.0,), "missed by 50%"),
    ],
)
def test_the_median_is_held_against_the_target(
    target: Target | None, rounds: tuple[float, ...], verdict: str
) -> None:
    assert Figure("GET", "ours", US, rounds, target).verdict == verdict


def test_a_ratio_is_taken_round_by_round() -> None:
    ours = Figure("GET", "ours", US, (10.0, 20.0, 40.0))
    theirs = Figure("GET", "theirs", US, (100.0, 100.0, 100.0))
    made = ratio(theirs, ours, Target(4.0, at_least=True))
    assert made.rounds == (10.0, 5.0, 2.5)
    assert (made.name, made.verdict) == ("theirs / ours", "met")


def report() -> Report:
    made = Report({"date": "today", "machine": "one core"})
    made.add([Figure("GET", "ours", US, (12.3, 14.5), Target(40.0), "a note")])
    made.left_out.append("fping could not be installed")
    return made


def test_the_table_has_machine_notes_and_what_was_left_out() -> None:
    out = StringIO()
    report().show(Console(file=out, width=120))
    for words in ("13.4 µs/device", "12.3 to 14.5", "met", "one core", "a note", "fping could not"):
        assert words in out.getvalue()


def test_the_document_keeps_the_words_around_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "BENCH.md"
    path.write_text("before\n<!-- table -->\nold\n<!-- /table -->\nafter\n", encoding="utf-8")
    monkeypatch.setattr(command, "DOCUMENT", path)
    command.write(report())
    text = path.read_text(encoding="utf-8")
    assert re.match(r"before\n<!-- table -->\n.*\| GET \| ours \|.*after\n", text, re.DOTALL)
    assert "* **met**: GET, ours: 13.4 µs/device, aim ≤ 40.0" in text
    assert "old" not in text


def test_a_part_that_fails_is_said_and_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(quick: bool, left_out: list[str]) -> list[Figure]:  # noqa: ARG001, FBT001  a Part
        raise TimeoutError("no receipt")

    def sound(quick: bool, left_out: list[str]) -> list[Figure]:  # noqa: ARG001, FBT001  a Part
        return report().figures

    monkeypatch.setattr(command, "PARTS", {"one": broken, "two": sound})
    made = command.run(["one", "two"], quick=True)
    assert made.failed
    assert made.left_out == ["one: no receipt"]
    assert json.loads(json.dumps(made.data()))["figures"][0]["value"] == pytest.approx(13.4)


def test_the_document_has_a_place_for_the_table() -> None:
    assert len(re.findall("<!-- table -->", command.DOCUMENT.read_text(encoding="utf-8"))) == 1
