"""What a node takes down, foretold and as it comes; and both counts against plain loops."""

from __future__ import annotations

import random
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from cli import impact as command
from cli.status_board import page
from collector import consequence
from collector.board import board
from collector.state import SiteWord
from config.register import Device, InformationSystem, Needs, Source
from tests.collector.counties import plain_counts
from tests.collector.small import OPERATORS, Hand, county, devices, register
from tests.collector.test_blinking_hub import blink
from tests.collector.test_incremental import COUNTY, PARENTS, random_event
from wire.observation import Method, Outcome

NAMES = [d for operator in OPERATORS for d in devices(operator, 1, 2, 3)]
SYSTEMS = (
    InformationSystem(id="egov", name="电子政务外网", devices=("cmcc-d2", "cucc-d2")),
    InformationSystem(
        id="e110", name="110", devices=("ctcc-d1", "ctcc-d2", "tower-d2"), needs=Needs.K_OF_N,
        at_least=2,
    ),
)  # fmt: skip

graphs = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=2, unique=True), max_size=12
)


@settings(max_examples=40, deadline=None)
@given(graphs, st.sampled_from(NAMES))
def test_what_is_foretold_is_what_comes(parents: dict[str, list[str]], node: str) -> None:
    above = {name: tuple(p for p in own if p != name) for name, own in parents.items()}
    hand = Hand.of(county(register(sites=3, parents=above, systems=SYSTEMS)))
    hand.everyone()
    told = consequence.if_down(hand.world, node)
    assert not consequence.taken_down_by(hand.world, node)
    hand.looks(Outcome.NO_ANSWER, *told.devices)
    hand.pass_s(700)
    came = consequence.takes_down(hand.world, node)
    assert (came.devices, came.sites, came.users) == (told.devices, told.sites, told.users)
    for name, state in (told.operators | told.systems).items():
        rows = hand.world.state.operators | hand.world.state.systems
        assert rows[name].impact == state, name
    for device in told.devices:
        assert [one.id for one in consequence.taken_down_by(hand.world, device)] == [node]
    assert consequence.counts(hand.world)[:3] == (1, len(told.devices), len(told.sites))
    assert consequence.if_down(hand.world, node).devices == (), "nothing is left to lose"
    already = consequence.lost_already(hand.world, node)
    assert (already.devices, already.sites) == (told.devices, told.sites)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_cause_and_effect_counts_equal_plain_loops(seed: int) -> None:
    dice = random.Random(seed)
    hand = Hand.of(COUNTY)
    hand.everyone()
    for _ in range(40):
        random_event(hand, dice)
        if dice.random() < 0.1:
            hub = dice.choice(["cmcc-d1", "tower-d1"])
            blink(hand, (hub, *(d for d, own in PARENTS.items() if hub in own)), times=6)
        assert consequence.counts(hand.world) == plain_counts(hand.world)


def test_one_fault_of_the_tower_company_dims_three_operators() -> None:
    parents = {f"{o}-d{n}": ("tower-d1",) for o in OPERATORS[:3] for n in range(1, 5)}
    hand = Hand.of(county(register(sites=10, parents=parents)))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, "tower-d1", *parents)
    hand.pass_s(400)
    counts = consequence.counts(hand.world)
    assert (counts.faults, counts.devices, counts.sites) == (1, 13, 13)
    assert counts.operators == 4
    for operator in OPERATORS:
        causes = consequence.taken_down_by(hand.world, operator)
        assert [one.id for one in causes] == ["tower-d1"]
    assert len(consequence.takes_down(hand.world, "tower-d1").devices) == 13
    assert consequence.takes_down(hand.world, "tower-s1").sites[-1] == "tower-s1"
    assert not consequence.takes_down(hand.world, "cmcc-d1").operators.keys() - {"cmcc"}


def test_a_site_shed_by_its_batteries_is_its_own_cause() -> None:
    extra = (Device(id="cmcc-p1", name="电源", site="cmcc-s1", main=False),)
    hand = Hand.of(county(register(extra=extra)))
    hand.everyone()
    hand.world.state.sites["cmcc-s1"].word = SiteWord.OUT
    assert [one.kind for one in consequence.taken_down_by(hand.world, "cmcc-s1")] == ["site"]


def test_what_is_newly_lost_stands_beside_what_is_lost_already(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parents = {f"cmcc-d{n}": ("tower-d1",) for n in range(1, 5)}
    hand = Hand.of(county(register(sites=4, parents=parents, systems=SYSTEMS[:1])))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1", "cmcc-d2")
    hand.pass_s(700)
    found = command._asked(hand.world, "tower站1主机", if_down=True)
    assert found["takes_down"]["devices"] == ("cmcc-d3", "cmcc-d4", "tower-d1")
    assert found["lost_already"]["devices"] == ("cmcc-d1", "cmcc-d2")
    assert found["lost_already"]["sites"] == ("cmcc-s1", "cmcc-s2")
    assert found["lost_already"]["operators"] == {"cmcc": "partial"}
    command._show(hand.world, found)
    said = capsys.readouterr().out
    new, already = said.split("其中已失 Lost already:")
    assert "将新失去 If it went down, newly lost:\n  设备 devices 3：" in new
    assert "设备 devices 2：cmcc站1主机（cmcc-d1）、cmcc站2主机（cmcc-d2）" in already
    assert "lost_already" not in command._asked(hand.world, "tower-d1", if_down=False)


def test_a_town_is_a_node_too(capsys: pytest.CaptureFixture[str]) -> None:
    parents = {"cmcc-d2": ("cmcc-d1",)}  # town 2 behind town 1
    hand = Hand.of(county(register(sites=2, parents=parents)))
    hand.everyone()
    ahead = command._asked(hand.world, "第1镇", if_down=True)
    assert ahead["kind"] == "town"
    assert ahead["takes_down"]["sites"] == tuple(
        sorted([*(f"{o}-s1" for o in OPERATORS), "cmcc-s2"])
    )
    assert set(ahead["takes_down"]["operators"]) == set(OPERATORS)
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1", "cmcc-d2", "cucc-d1")
    hand.pass_s(700)
    now = command._asked(hand.world, "140522101", if_down=False)
    assert now["takes_down"]["sites"] == ("cmcc-s1", "cmcc-s2", "cucc-s1")
    assert [one["id"] for one in now["taken_down_by"]] == ["cmcc-d1", "cucc-d1"]
    command._show(hand.world, now)
    assert "第1镇（140522101，乡镇 town）" in capsys.readouterr().out
    other = command._asked(hand.world, "第2镇", if_down=False)
    assert other["takes_down"]["sites"] == ("cmcc-s2",)
    assert [one["id"] for one in other["taken_down_by"]] == ["cmcc-d1"]


@pytest.mark.parametrize("node", ["tower-d1", "tower-s1", "cmcc", "egov"])
def test_the_command_shows_both_directions(node: str, capsys: pytest.CaptureFixture[str]) -> None:
    parents = {"cmcc-d2": ("tower-d1",), "cucc-d2": ("tower-d1",)}
    hand = Hand.of(county(register(parents=parents, systems=SYSTEMS[:1])))
    hand.everyone()
    ahead = command._asked(hand.world, node, if_down=True)
    hand.looks(Outcome.NO_ANSWER, "tower-d1", *parents)
    hand.pass_s(700)
    now = command._asked(hand.world, node, if_down=False)
    for found in (ahead, now):
        command._show(hand.world, found)
    said = capsys.readouterr().out
    if node == "tower-d1":
        assert ahead["takes_down"]["devices"] == now["takes_down"]["devices"]
        assert ahead["takes_down"]["systems"] == {"egov": "full"}
        assert "全部 full" in said
    if node != "egov":
        assert "tower站1主机（tower-d1）" in said
    assert [one["id"] for one in now["taken_down_by"]] == ["tower-d1"]
    assert "故障 faults 1 → 设备 devices 3" in said


def test_two_vantage_points_must_both_say_so_and_their_disagreement_is_shown() -> None:
    reg = register(operators=("cmcc",))
    second = Source(agent="agent-two", operator="cmcc")
    hand = Hand.of(county(reg.model_copy(update={"sources": (*reg.sources, second)})))
    hand.everyone()
    hand.turn(hand.say("agent-two", hand.look("cmcc-d1")))
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(400)
    assert hand.status("cmcc-d1") == "ok"
    shown = board(hand.world, hand.now)
    assert shown["disagreeing"] == ["cmcc-d1"]
    assert shown["devices"]["cmcc-d1"]["points"] == {"agent-cmcc": False, "agent-two": True}
    screen = StringIO()
    Console(width=120, file=screen).print(page(shown, hand.now))
    assert "观察点说法不一 vantage points disagree: cmcc-d1" in screen.getvalue()
    began = hand.now
    silent = [hand.look("cmcc-d1", Outcome.NO_ANSWER, method) for method in Method]
    hand.turn(hand.say("agent-two", *silent))
    hand.pass_s(60)
    hand.pass_s(400)
    assert hand.status("cmcc-d1") == "down"
    assert hand.world.state.devices["cmcc-d1"].since_ms >= began + 180_000
    assert board(hand.world, hand.now)["disagreeing"] == []
