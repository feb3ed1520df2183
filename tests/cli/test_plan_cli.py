from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.io.plan import SHIPPED

WANGLOU = Path(sys.executable).parent / "wanglou"
HARBOUR = Path(__file__).parents[1] / "collector" / "plans" / "harbour.toml"

CALM = {"cmcc": "none", "cucc": "none", "ctcc": "none", "tower": "none"}
LINE: dict[str, Any] = {"operators": CALM, "systems": [], "spread": "no"}


def run(*words: str | Path, given: str | bytes = b"") -> subprocess.CompletedProcess[bytes]:
    raw = given.encode() if isinstance(given, str) else given
    return subprocess.run(
        [WANGLOU, "plan", *words], input=raw, capture_output=True, check=False, timeout=120
    )


def line(**changes: Any) -> str:
    return json.dumps(LINE | changes) + "\n"


def operators(**states: str) -> dict[str, str]:
    return CALM | states


def answers(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(raw) for raw in done.stdout.splitlines()]


# ── decide ───────────────────────────────────────────────────────────────────────────────────────


def test_decide_answers_in_the_agreed_shape() -> None:
    given = line(
        operators=operators(cmcc="full", cucc="unknown", tower="absent"),
        systems=["partial", "unknown"],
        spread="unknown",
        overdue=["systems[1]"],
        tower_counting="merged",
        major_risk=True,
        beyond_operator=False,
        beyond_county=False,
        hq_level="II",
    )
    done = run("decide", given=line() + given)
    assert done.returncode == 0
    assert done.stderr == b""
    assert answers(done) == [
        {
            "warning": "none",
            "level": "none",
            "warning_range": ["none", "none"],
            "level_range": ["none", "none"],
            "pending": False,
            "literal_warning": True,
            "literal_level": True,
            "rules": [],
            "clauses": [],
        },
        {
            "warning": "scenario2",
            "level": "II",
            "warning_range": ["scenario2", "scenario2"],
            "level_range": ["II", "I"],
            "pending": True,
            "literal_warning": False,
            "literal_level": True,
            "rules": ["G2-operator-full", "G2-system-full", "G2-risk", "L2", "L2-hq"],
            "clauses": ["3.3(2)", "4.4.2(3)", "4.4.2(1)"],
            "unknown": ["cucc", "systems[1]", "spread"],
            "absent": ["tower"],
        },
    ]


@pytest.mark.parametrize("name", ["systems", "systems[0]", "systems.0"])
def test_decide_takes_the_names_of_overdue_systems(name: str) -> None:
    given = line(operators=operators(cmcc="partial"), systems=["unknown"], overdue=[name])
    (said,) = answers(run("decide", given=given))
    assert (said["warning"], said["pending"]) == ("scenario2", False)


@pytest.mark.parametrize("name", ["gov-net", "systems.gov-net", "systems"])
def test_decide_takes_systems_by_name(name: str) -> None:
    given = line(
        operators=operators(cmcc="partial"), systems={"gov-net": "unknown"}, overdue=[name]
    )
    (said,) = answers(run("decide", given=given))
    assert (said["warning"], said["pending"]) == ("scenario2", False)
    assert said["unknown"] == ["gov-net"]


BAD: list[tuple[str | bytes, str]] = [
    ("", "空行 / the line is blank"),
    ("{", "不是 JSON / not JSON: Expecting property name enclosed in double quotes (column 2)"),
    ("[]", "应为 JSON 对象 / must be a JSON object { … }"),
    ("null", "应为 JSON 对象 / must be a JSON object { … }"),
    (b'{"a": "\xff"}', "不是 UTF-8 文字 / the line is not UTF-8"),
    ('{"spread": NaN}', "NaN 不是数字 / NaN is no number"),
    ('{"a": 1, "a": 2}', "a: 同一项写了两次 / is there twice"),
    ("[" * 100_000, "嵌套太深 / nested too deeply"),
    ("1" * 10_000, "数字太长 / a number is too long"),
    ("{" + " " * 1_100_000, "这一行超过 1048576 字节 / the line has more than 1048576 bytes"),
    (line(spread="maybe"), "spread: 应为 no、yes、unknown 之一，现在是“maybe”"),
    (line(systems=["down"]), "systems[0]: 应为 none、partial、full、unknown、absent 之一"),
    (line(systems="full"), "systems: 应为列表 [ … ]"),
    (line(operators={"cmcc": "none"}), "operators.cucc: 缺少这一项 / is missing"),
    (
        line(operators={**CALM, "cmc": "none"}),
        'operators.cmc: 不认识这一项 / unknown key (是不是 did you mean: "cmcc"?)',
    ),
    (line(overdu=True), 'overdu: 不认识这一项 / unknown key (是不是 did you mean: "overdue"?)'),
    (line(overdue=None), "overdue: 应为 true 或 false"),
    (
        line(overdue=["cmc"]),
        "overdue: 没有“cmc” / there is no 'cmc' in this line (是不是 did you mean: \"cmcc\"?)",
    ),
    (line(overdue=["systems[0]"]), "overdue: 没有“systems[0]”"),
    (line(major_risk=1), "major_risk: 应为 true 或 false，现在是 1"),
    (line(hq_level="III"), "hq_level: 应为 none、I、II 之一，现在是“III”"),
    (line(tower_counting="both"), "tower_counting: 应为 literal、merged 之一"),
    ('{"operators": {}, "\\ud800": 1}', "有半个字符 / half a character (a lone surrogate)"),
    ('{"a": 1, "\\ud800": 1, "\\ud800": 2}', "?: 同一项写了两次 / is there twice"),
]


def test_decide_puts_an_error_in_the_place_of_a_bad_line_and_goes_on() -> None:
    rows = [raw if isinstance(raw, bytes) else raw.encode() for raw, _ in BAD]
    good = line().encode()
    given = b"".join(good + row.rstrip(b"\n") + b"\n" for row in rows) + good.rstrip(b"\n")
    done = run("decide", given=given)
    assert done.returncode == 1
    assert done.stderr == b""
    said = answers(done)
    assert len(said) == 2 * len(BAD) + 1
    assert all("error" not in answer for answer in said[::2])
    for answer, (_, sentence) in zip(said[1::2], BAD, strict=True):
        assert list(answer) == ["error"]
        assert sentence in answer["error"]


def test_decide_reads_a_file_with_a_mark_and_windows_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + line().rstrip().encode() + b"\r\n" + line().encode())
    done = run("decide", file)
    assert done.returncode == 0
    assert len(answers(done)) == 2


def test_decide_under_another_countys_plan() -> None:
    given = {"operators": {"north": "full", "south": "none"}, "systems": [], "spread": "no"}
    rows = [{**given, "storm": True, "watch_level": "D"}, {**given, "major_risk": True}]
    done = run("decide", "--plan", HARBOUR, given="".join(json.dumps(r) + "\n" for r in rows))
    said, refused = answers(done)
    assert (said["warning"], said["level"]) == ("orange", "B")
    assert "major_risk" in refused["error"]


def test_decide_answers_each_line_as_it_comes() -> None:
    with subprocess.Popen(
        [WANGLOU, "plan", "decide"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(3):
            process.stdin.write(line().encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["warning"] == "none"
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def test_decide_ends_quietly_when_nobody_reads_on() -> None:
    with subprocess.Popen(
        [WANGLOU, "plan", "decide"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(line().encode())
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(line().encode())
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


@pytest.mark.parametrize(
    "words", [("decide", "--plan", "missing.toml"), ("decide", "missing.jsonl")]
)
def test_a_missing_file_is_named(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert words[-1] in done.stderr.decode()
    assert b"Traceback" not in done.stderr


# ── spread ───────────────────────────────────────────────────────────────────────────────────────

ONSETS = [[0, ["cmcc", "a"]], [2000, ["sys", "gov-net"]], [2600.5, ["cucc", "b"]]]


def test_spread_answers_with_its_evidence() -> None:
    given = {"now": 3000, "onsets": ONSETS, "at_risk": [["tower", "a"]], "sight": 1, "manual": None}
    done = run("spread", given=json.dumps(given))
    assert done.returncode == 0
    (said,) = answers(done)
    assert (said["spread"], said["overdue"]) == ("yes", False)
    assert said["why"] == {
        "ground": "growth",
        "zh": "近30分钟内出现2次扩散",
        "en": "growth steps in 30 min: 2",
        "steps": [
            {"at": 0, "cells": [["cmcc", "a"]], "new": ["cmcc", "a"], "growth": False},
            {"at": 2000, "cells": [["sys", "gov-net"]], "new": ["gov-net"], "growth": True},
            {"at": 2600.5, "cells": [["cucc", "b"]], "new": ["cucc", "b"], "growth": True},
        ],
        "growth_steps": 2,
        "at_risk": [["tower", "a"]],
        "sight": 1.0,
    }


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"now": True, "onsets": [], "sight": 1}, "now: 应为数字，现在是 true"),
        ({"now": 1, "onsets": [[1, ["a"]]], "sight": 1}, "onsets[0][1][1]: 缺少这一项"),
        ({"now": 1, "onsets": [], "sight": 1.5}, "sight: 不能大于 1.0，现在是 1.5"),
        ({"now": 1, "onsets": []}, "sight: 缺少这一项"),
        ({"now": 1, "onsets": [], "sight": 1, "manual": "unknown"}, "manual: 应为 yes、no 之一"),
        ({"now": 1, "onsets": [], "sight": 1, "at_risk": [["", "a"]]}, "at_risk[0][0]: 不能为空"),
        ({"now": 1, "onsets": [], "sight": 1, "then": 2}, "then: 不认识这一项 / unknown key"),
    ],
)
def test_spread_refuses_a_bad_line(given: dict[str, Any], sentence: str) -> None:
    done = run("spread", given=json.dumps(given) + "\n" + '{"now": 1e999}')
    assert done.returncode == 1
    first, second = answers(done)
    assert sentence in first["error"]
    assert "now: 应为有限的数字" in second["error"]


# ── check ────────────────────────────────────────────────────────────────────────────────────────


def test_check_prints_gaps_owners_proofs_and_oddities() -> None:
    done = run("check")
    text = done.stdout.decode()
    assert done.returncode == 0
    for part in ("G2-operator-full", "GL1-systems", "✓ 影响扩大结果不减轻", "县气象局没有电话"):
        assert part in text


def test_check_prints_json() -> None:
    done = run("check", "--json", HARBOUR)
    said = json.loads(done.stdout)
    assert said["sound"]
    assert {f["owner"] for f in said["findings"] if f["how"] == "uncovered"} == {
        "O-storm",
        "Y-spread",
    }
    assert all(len(f["cells"]) == f["count"] for f in said["findings"])


def test_check_refuses_a_plan_with_a_cell_that_nobody_owns(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    file = tmp_path / "plan.toml"
    file.write_text(
        text.replace("when = [{ affected_min = 1 }]", "when = [{ operators_affected_min = 1 }]"),
        encoding="utf-8",
    )
    done = run("check", file)
    assert done.returncode == 1
    assert "有影响的情况没有规则负责" in done.stdout.decode()
    assert "✗ 有影响必有预警" in done.stdout.decode()


def test_check_refuses_a_plan_with_dangling_names(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    file = tmp_path / "plan.toml"
    file.write_text(text.replace('warning_min = "scenario2"', 'warning_min = "scenario22"'))
    done = run("check", file)
    assert done.returncode == 1
    assert 'did you mean: "scenario2"' in done.stderr.decode()


# ── another county's plan ────────────────────────────────────────────────────────────────────────

FOUR = SHIPPED.parent / "plans" / "four-levels-example.toml"


def test_diff_says_what_stands_otherwise_and_what_is_judged_otherwise(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    told = FOUR.read_text(encoding="utf-8").replace("operators_full_min = 2", "full_min = 2")
    other.write_text(told.replace("limit_s = 3600", "limit_s = 1800"), encoding="utf-8")
    same = run("diff", FOUR, FOUR)
    assert (same.returncode, "相同" in same.stdout.decode()) == (0, True)
    done = run("diff", FOUR, other, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert not found["same"]
    assert {"was": 3600, "now": 1800} in [
        {"was": part["was"], "now": part["now"]} for part in found["parts"]
    ]
    assert all(turn["now"] != turn["was"] and turn["count"] for turn in found["turns"])
    shown = run("diff", FOUR, other).stdout.decode()
    assert "判定不同的情况" in shown
    assert "↑" in shown
    bad = tmp_path / "bad.toml"
    bad.write_text("id =")
    assert run("diff", bad).returncode == 2


def test_figures_are_drawn_into_a_folder(tmp_path: Path) -> None:
    done = run("figures", "-o", tmp_path / "drawn")
    assert done.returncode == 0
    names = [Path(line).name for line in done.stdout.decode().split()]
    assert names == ["plan-2022-52-organisation.svg", "plan-2022-52-flow.svg"]
    assert "综合协调组" in (tmp_path / "drawn" / names[0]).read_text(encoding="utf-8")


def test_the_interview_writes_a_plan_that_the_check_takes(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    answers = ("four", "沁水县", "qin shui", "qinshui-1", "", "沁〔2026〕9号", "", "昨天")
    said = "\n".join([*answers, "2026-03-01", "", "", "", "cmcc=移动,cbn=广电", ""])
    done = run("new", path, given=said)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert done.stdout.decode().count("不能用") == 2
    checked = run("check", path)
    assert checked.returncode == 0
    assert "还没有与预案原文核对" in checked.stdout.decode()
    assert run("new", path, given=said).returncode == 2
