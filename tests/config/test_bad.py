"""Every way to be wrong is a file (or folder) under ``bad``, beside the sentences it must get."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.faults import Kind
from config.io.survey import survey

BAD = Path(__file__).parent / "bad"
CASES = sorted(path.name for path in BAD.iterdir() if path.suffix != ".expect")


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_gets_exactly_its_sentences(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    result = survey([Path(case)])
    said = [str(fault) for fault in result.faults if fault.kind is not Kind.NOTE]
    assert said == Path(f"{case}.expect").read_text(encoding="utf-8").splitlines()
    assert result.exit_code == 1


def test_every_expectation_has_its_file() -> None:
    assert {path.stem for path in BAD.glob("*.expect")} == set(CASES)
    assert len(CASES) >= 50
