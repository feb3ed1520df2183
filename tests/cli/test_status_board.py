"""``wanglou status``: what a person stated is marked as such, and never looks measured."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from cli import columns, status_page
from cli.status_board import MOST_ROWS, network, page
from collector import world as worlds
from collector.board import board
from collector.model import Reconfigured, Tick
from collector.web import summary
from collector.web.index import Index, Moment
from tests.collector.small import POLICY, Hand, county
from tests.collector.test_explain import one_operator_partly
from tests.web.county import Stage
from wire.observation import Method, Outcome

SAID = {"state": "partial", "source": "值班室王工", "until_ms": 1, "superseded_ms": None}


@pytest.mark.parametrize(
    ("attested", "words"),
    [
        (None, "不明"),
        (SAID, "部分"),
        (SAID | {"superseded_ms": 5}, "不明"),
    ],
)
def test_a_persons_word_stands_in_and_is_named(attested: object, words: str) -> None:
    shown: Text = network({"impact": "unknown", "attested": attested})
    assert words in shown.plain
    assert ("电话核实" in shown.plain) is (words == "部分")


def test_a_page_of_a_real_world_names_devices_in_trouble() -> None:
    hand = Hand.of()
    hand.everyone()
    refused = hand.look("cmcc-d1", Outcome.REFUSED, Method.SNMP)
    hand.turn(hand.say("agent-cmcc", refused.model_copy(update={"reason": "wrongDigests"})))
    hand.pass_s(400)
    console = Console(width=120)
    with console.capture() as shown:
        console.print(page(board(hand.world, hand.now), hand.now))
    assert hand.world.county.devices["cmcc-d1"].name in shown.get()
    assert "SNMPv3认证口令或认证算法不对" in shown.get()


def test_the_page_says_which_rules_and_that_nobody_signed_for_them() -> None:
    """Also what keeps the older ones, and how to have it follow."""
    hand = Hand.of()
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(600)
    old = hand.world.county.rules[:12]
    assert f"规则 rules {old}；建库以来没有变更" in " ".join(lines(page_of(hand), 200))
    cell = POLICY.cell.model_copy(update={"share_out": 0.5})
    made = county(policy=POLICY.model_copy(update={"cell": cell}))
    for one in (Reconfigured(made.hash, pin=True, whole=True), Tick()):
        hand.effects += worlds.step(hand.world, hand.now, one, lambda _: made)
    said = " ".join(lines(page_of(hand), 200))
    assert f"规则 rules {old}，现行 in force {made.rules[:12]}：office adopt W-" in said
    assert "【未署名】" in said
    assert "UNSIGNED" in said


def page_of(hand: Hand) -> Any:
    return page(board(hand.world, hand.now), hand.now, 200)


WIDTHS = (60, 80, 100, 132)


def lines(shown: Any, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as taken:
        console.print(shown)
    return taken.get().splitlines()


def squeezed(text: str) -> str:
    return "".join(text.split())


def named() -> dict[str, Any]:
    """A board with long Chinese names, causes and notes."""
    hand = one_operator_partly()
    shown: dict[str, Any] = board(hand.world, hand.now)
    long = "润城镇上伏村移动汇聚机房一号开关电源"
    for number, one in enumerate(shown["devices"].values()):
        one["name"] = f"{long}{number}"
    for number, site in enumerate(shown["sites"]):
        site["name"] = f"{long}站点{number}"
    shown["operators"]["cmcc"]["name"] = "中国移动通信集团阳城县分公司"
    shown["sources"]["agent-cmcc"] |= {"clock_off": True, "skew_ms": -7_200_000, "no_space": True}
    return shown | {
        "evidence": ["共同原因：铁塔站点停电，由其供电的站点11个（移动5、电信3、联通3）"]
    }


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off_however_narrow_the_terminal(width: int) -> None:
    shown = named()
    made = lines(page(shown, shown["at_ms"], width), width)
    assert max(map(cell_len, made)) <= width
    assert not [line for line in made if "…" in line and "… 另有" not in line]
    if columns.narrow(width):  # where a cell is folded beside others, lines mix
        bad = [one for one in shown["devices"].values() if one["state"] == "down"]
        for row in [*shown["sites"][:MOST_ROWS], *bad[:MOST_ROWS]]:
            assert squeezed(row["name"] + row["cause"]) in squeezed("".join(made))


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_begin_where_their_heading_does(width: int) -> None:
    """Chinese characters take two columns: counted in characters, each row would be elsewhere."""
    hand = one_operator_partly()
    made = lines(page(board(hand.world, hand.now), hand.now, width), width)
    head = next(number for number, line in enumerate(made) if "企业" in line and "状态" in line)
    place = cell_len(made[head].partition("状态")[0])
    names = list(hand.world.county.operator_names.values())
    rows = [line for line in made[head:] if line.lstrip("│ ").startswith(tuple(names))]
    assert len(rows) == len(names)
    for line in rows:
        mark = min(line.find(one) for one in "▲●■" if one in line)
        assert cell_len(line[:mark]) == place


@pytest.mark.parametrize("width", WIDTHS)
def test_the_pages_home_fits_too(width: int) -> None:
    stage = Stage(devices=200)
    stage.power_cut()
    held = stage.board()
    shown = json.loads(summary.summary(Moment(held, Index(held.static))).model_dump_json())
    made = lines(status_page.page(shown, width=width), width)
    assert max(map(cell_len, made)) <= width
    assert not [line for line in made if "…" in line]
    grid = [line for line in made if line.startswith(("┏", "┡", "│", "└"))]
    assert len({cell_len(line) for line in grid}) == 1


@given(
    st.lists(st.text("停电告警 abc12", min_size=1, max_size=12).map(str.strip).filter(bool)),
    st.integers(24, 80),
)
def test_items_side_by_side_are_never_broken(items: list[str], width: int) -> None:
    made = columns.flow([Text(one) for one in items], width).plain
    assert all(cell_len(line) <= width for line in made.split("\n"))
    assert squeezed(made) == squeezed("".join(items))
    assert made.replace("\n", "  ").split("  ") == "  ".join(items).split("  ")
