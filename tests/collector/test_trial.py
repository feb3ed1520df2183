"""An operator in trial (试运行): judged and shown like everybody, and nobody is told."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from cli.status_board import network
from collector import world as worlds
from collector.board import board
from collector.county import County
from collector.model import Reconfigured
from collector.would import would
from config.register import InformationSystem
from tests.collector.small import Hand, county, devices, register
from wire.observation import Outcome

EGOV = InformationSystem(id="egov", name="电子政务外网", devices=("cmcc-d1", "cucc-d1"))
OWN = InformationSystem(id="own", name="联通专网", devices=("cucc-d2",))
WHOLE = range(1, 11)


def counties() -> tuple[County, County]:
    """With the second operator in trial, and without."""
    reg = register(systems=(EGOV, OWN))
    sources = tuple(one.model_copy(update={"trial": one.operator == "cucc"}) for one in reg.sources)
    sites = tuple(site.model_copy(update={"key_unit": site.id == "cucc-s1"}) for site in reg.sites)
    reg = reg.model_copy(update={"sites": sites})
    return county(reg.model_copy(update={"sources": sources})), county(reg)


def test_a_trials_blackout_is_seen_and_told_to_nobody() -> None:
    hand = Hand.of(counties()[0])
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cucc", *WHOLE))
    hand.pass_s(900)
    assert {hand.status(device) for device in devices("cucc", *WHOLE)} == {"down"}
    assert hand.world.state.sites["cucc-s1"].word == "out"
    assert hand.impact("cucc") == "absent"
    assert hand.notices() == []
    assert hand.verdict().warning == "none"
    assert hand.verdict().systems == {"egov": "none", "own": "absent"}
    assert hand.world.situation is not None
    assert hand.world.situation.trial == ("cucc",)


def test_a_silent_agent_in_trial_is_no_blindness() -> None:
    hand = Hand.of(counties()[0])
    hand.everyone()
    hand.pass_s(900, silent=("agent-cucc",))
    assert hand.notices() == []
    assert hand.verdict().spread == "no"


def test_who_hangs_on_a_trials_device_speaks() -> None:
    reg = register(
        parents={"cmcc-d2": ("cucc-d1",), "cmcc-d3": ("cucc-d1",), "cmcc-d4": ("cucc-d1",)}
    )
    sources = tuple(one.model_copy(update={"trial": one.operator == "cucc"}) for one in reg.sources)
    hand = Hand.of(county(reg.model_copy(update={"sources": sources})))
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, "cucc-d1", *devices("cmcc", 2, 3, 4))
    hand.pass_s(900)
    assert hand.impact("cmcc") == "partial"
    told = {fact.site for notice in hand.notices() for fact in notice.sites}
    assert told == {"cmcc-s2", "cmcc-s3", "cmcc-s4"}


def test_what_an_office_reads_says_who_is_in_trial() -> None:
    hand = Hand.of(counties()[0])
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 2, 3), *devices("cucc", *WHOLE))
    hand.pass_s(900)
    said = hand.notices()[-1].text
    assert "试运行，不计入：联通" in said.zh
    assert "n trial, not counted: " in said.en
    assert "未接入" not in said.zh


def test_the_trial_ends_with_the_register_and_everything_counts() -> None:
    trial, live = counties()
    hand = Hand.of(trial)
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cucc", *WHOLE))
    hand.pass_s(900)
    known = {trial.hash: trial, live.hash: live}
    for effect in (worlds.step(hand.world, hand.now, Reconfigured(live.hash), known.__getitem__),):
        hand.effects += effect
    hand.turn()
    hand.pass_s(900)
    assert hand.impact("cucc") == "full"
    assert hand.verdict().warning == "scenario2"
    assert hand.notices()
    assert worlds.state_hash(worlds.load(worlds.dump(hand.world), known.__getitem__)) == (
        worlds.state_hash(hand.world)
    )


def test_status_says_who_is_in_trial() -> None:
    hand = Hand.of(counties()[0])
    hand.everyone()
    shown = board(hand.world, hand.now)
    assert {name for name, one in shown["operators"].items() if one["trial"]} == {"cucc"}
    out = StringIO()
    Console(file=out, width=120).print(network(shown["operators"]["cucc"]))
    assert "试运行 trial" in out.getvalue()
    assert "算得 would be ● 正常 none" in out.getvalue()
    assert [one["would"] is None for one in shown["operators"].values()] == [
        True, False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize("out", [(), (1,), (2, 4, 6, 8, 10), tuple(range(1, 10)), WHOLE], ids=len)
def test_what_it_would_be_judged_as_is_what_it_is_once_it_counts(out: tuple[int, ...]) -> None:
    trial, live = counties()
    states = []
    for made in (trial, live):
        hand = Hand.of(made)
        hand.everyone()
        if out:
            hand.looks(Outcome.NO_ANSWER, *devices("cucc", *out))
        hand.pass_s(900)
        found = would(hand.world, "cucc")
        if made is trial:
            assert found is not None
            assert (found.sites, found.out) == (10, len(out))
            states.append(found.state)
        else:
            assert found is None
            states.append(hand.impact("cucc"))
    assert states[0] == states[1]


def test_a_trials_blackout_says_what_the_county_would_be_with_it() -> None:
    hand = Hand.of(counties()[0])
    hand.everyone()
    hand.looks(Outcome.NO_ANSWER, *devices("cucc", *WHOLE))
    hand.pass_s(900)
    found = would(hand.world, "cucc")
    assert found is not None
    assert (found.state, found.warning, found.level) == ("full", "scenario2", "II")
    assert hand.verdict().warning == "none"
    screen = StringIO()
    Console(file=screen, width=120).print(network(board(hand.world, hand.now)["operators"]["cucc"]))
    for word in (
        "试运行 trial",
        "■ 全部 full",
        "中断 out 10/10",
        "若计入 if counted: 情形2 Ⅱ级响应",
    ):
        assert word in screen.getvalue(), word
