"""``wanglou explain``, ``replay`` and ``story run`` on a real store, which they never change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from collector.explanation import Explanation
from collector.io.store import Store
from config.io.shipped import DATA
from escalation import moments
from tests.collector.small import T0
from tests.collector.test_replay import day
from tests.collector.test_store import Keeper

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("county")
    (made / "state").mkdir()
    (made / "collector.toml").write_text(
        """
[collector]
state_dir = "state"
register = "register"
keys_dir = "keys"
offices = [{ id = "office", key = "office" }]
[county]
county = "140522"
""",
        encoding="utf-8",
    )
    return made


@pytest.fixture(scope="module")
def keeper(folder: Path) -> Iterator[Keeper]:
    """The store stays open beside the commands, as a running collector's does."""
    store = Store.open(folder / "state" / "county.db", now_s=lambda: T0 // 1000)
    yield day(store)
    store.close()


def run(folder: Path, *words: str) -> Result:
    return RUNNER.invoke(app, [*words, "--config", str(folder / "collector.toml")])


def test_explain_says_why_now_and_then(folder: Path, keeper: Keeper) -> None:
    files = folder / "state" / "county.db", folder / "state" / "county.db-wal"
    before = [hashlib.sha256(path.read_bytes()).digest() for path in files]
    now = run(folder, "explain")
    assert now.exit_code == 0
    assert "判定" in now.stdout
    then = run(folder, "explain", "--at", moments.shown(T0 + 2_200_000), "--json")
    assert then.exit_code == 0, then.output
    found = Explanation.model_validate_json(then.stdout)
    assert (found.why.id, found.why.state) == ("scenario2", "II")
    assert abs(found.at_ms - T0 - 2_200_000) < 1000
    assert run(folder, "explain", "移动").exit_code == 0
    closed = run(folder, "explain", found.target, "--json")  # as it was last drafted
    assert Explanation.model_validate_json(closed.stdout).why.id == "scenario2"
    assert [hashlib.sha256(path.read_bytes()).digest() for path in files] == before
    assert keeper.world.situation is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explain", "cmcc-s11"), "did you mean"),
        (("explain", "--at", "noon"), "no moment"),
        (("explain", "--at", "2020-01-01"), "are retained from"),
        (("explain", "--at", "2999-01-01"), "has not come yet"),
        (("replay", "--from", "-1m", "--to", "-2m"), "later than --to"),
        (("replay", "--from", "2020-01-01", "--to", "2020-01-02"), "later than --to"),
        (("replay", "--policy", "nothing.toml"), "wanglou replay: nothing.toml: 文件不存在"),
        (("replay", "--trial"), "no operator is in trial"),
        (("replay", "--samples"), "no sample history"),
    ],
)
@pytest.mark.usefixtures("keeper")
def test_what_cannot_be_answered_is_said(folder: Path, words: tuple[str, ...], said: str) -> None:
    result = run(folder, *words)
    assert result.exit_code == (2 if words[0] == "replay" else 1)
    assert said in result.output


@pytest.mark.usefixtures("keeper")
def test_an_unedited_replay_differs_in_nothing(folder: Path) -> None:
    result = run(folder, "replay", "--json")
    assert result.exit_code == 0
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["equals_journal"]
    assert not found["differs"]
    assert found["notices"]["was"] == found["notices"]["now"] > 5


@pytest.mark.usefixtures("keeper")
def test_a_younger_store_is_replayed_from_its_beginning_and_that_is_said(folder: Path) -> None:
    whole, week = run(folder, "replay", "--json"), run(folder, "replay", "--json", "--from", "-7d")
    assert week.exit_code == 0
    assert "the retained inputs begin at" in week.stderr
    assert "begin at" not in whole.stderr
    assert json.loads(week.stdout) == json.loads(whole.stdout)


@pytest.mark.usefixtures("keeper")
def test_an_edited_policy_says_what_would_have_come_and_when(folder: Path, tmp_path: Path) -> None:
    edited = tmp_path / "policy.toml"
    text = (DATA / "policy.toml").read_text(encoding="utf-8")
    at = text.index('id = "device-unreachable"')
    longer = text[at:].replace("raise_delay_s = 180", "raise_delay_s = 400", 1)
    text = (text[:at] + longer).replace("out_hold_s = 180", "out_hold_s = 400")
    edited.write_text(text, encoding="utf-8")
    result = run(folder, "replay", "--policy", str(edited))
    assert result.exit_code == 1
    assert "scenario 2 at" in result.output
    assert "fewer" in result.output


def test_story_run_tells_the_shipped_ones_by_name_and_an_officers_own(tmp_path: Path) -> None:
    good = RUNNER.invoke(app, ["story", "run", "w3-one-operator", "--json"])
    assert good.exit_code == 0
    assert json.loads(good.stdout)[0]["good"]
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'proves = ["W3"]\ntitle = { zh = "试", en = "try" }\n'
        '[[steps]]\nat = "0:07"\nexpect = { warning = "scenario3" }\n',
        encoding="utf-8",
    )
    bad = RUNNER.invoke(app, ["story", "run", str(mine)])
    assert bad.exit_code == 1
    assert f"{mine}:5" in bad.output.replace("\n", "")
    assert "scenario3" in bad.output
    missing = RUNNER.invoke(app, ["story", "run", "w3-one-operatr"])
    assert missing.exit_code == 1


@pytest.mark.parametrize(
    ("word", "back_s"),
    [("-2h", 7200), ("-30m", 1800), ("16:00", 0), ("16:01", 86_340), ("2027-01-15 15:59:50", 10),
     ("01-15 15:00", 3600), ("2027-01-15T07:59:00+00:00", 60), ("2027-01-15", 57_600)],
)  # fmt: skip
def test_moments_are_read_in_the_countys_time(word: str, back_s: int) -> None:
    assert moments.parse(word, T0) == T0 - back_s * 1000
