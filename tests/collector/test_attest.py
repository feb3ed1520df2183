"""Attested states in the fold: they stand in for unknown, never for what is measured."""

from __future__ import annotations

import json

import pytest

from collector import world as worlds
from collector.board import board
from collector.model import OfficeCommand, Row, Started
from config.register import InformationSystem, Person
from tests.collector.small import Hand, county, devices, register
from wire.notice import Attested, Command, NoticeKind, Verb
from wire.observation import Outcome

ZHANG = Person(account="zhang", name="张三", organ="县指挥部办公室", roles=("duty",), key="zhang")
WANG = Person(account="wang", name="王五", organ="县指挥部办公室", roles=("director",), key="wang")
LI = Person(account="li", name="李四", organ="移动公司", roles=("guest",), key="li")
SYSTEM = InformationSystem(id="egov", name="电子政务外网", devices=("ctcc-d1",))
REGISTER = register(systems=(SYSTEM,)).model_copy(update={"people": (ZHANG, WANG, LI)})
BLIND = ("agent-ctcc",)
HOUR = 3600


def hand() -> Hand:
    """Everybody but China Telecom's agent is at work."""
    made = Hand.of(county(REGISTER))
    made.everyone(*(f"agent-{o}" for o in ("cmcc", "cucc", "tower")))
    made.pass_s(300, silent=BLIND)
    assert verdict(made, "ctcc") == "unknown"
    return made


def say(
    made: Hand,
    state: str,
    target: str = "ctcc",
    *,
    account: str = "zhang",
    verb: Verb = Verb.ATTEST,
) -> str:
    made.rounds += 1
    back = state == Attested.WITHDRAWN
    command = Command(
        id=f"c{made.rounds}",
        county="140522",
        tree="live",
        account=account,
        verb=verb,
        target=target,
        state=state,
        source="" if back else "电信公司值班室王工",
        at_ms=made.now,
    )
    before = len(made.notices())
    made.seqs["office"] = made.seqs.get("office", 0) + 1
    row = Row("office", "command", 1, made.seqs["office"])
    made.turn(OfficeCommand(row, command, account))
    decision = made.notices()[before].decision
    assert decision is not None
    return decision.outcome


def verdict(made: Hand, name: str) -> str:
    assert made.world.situation is not None
    said = made.world.situation.verdict
    return said.operators.get(name) or said.systems[name]


def events(made: Hand) -> list[object]:
    return [line["event"] for line in made.records("attested")]


@pytest.mark.parametrize("target", ["ctcc", "egov"])
@pytest.mark.parametrize("state", [Attested.PARTIAL, Attested.FULL])
def test_what_is_attested_raises_at_once(target: str, state: Attested) -> None:
    made = hand()
    assert say(made, state, target) == "accepted"
    assert verdict(made, target) == state.value
    draft = made.notices()[-1] if made.notices()[-1].verdict else made.notices()[-2]
    kinds = [notice.notice_kind for notice in made.notices()]
    assert NoticeKind.WARNING_DRAFT in kinds
    assert "据电信公司值班室王工电话核实" in draft.text.zh
    assert any(line.startswith("电话核实：") for line in draft.evidence)


def test_none_is_known_and_never_counted_as_the_worst() -> None:
    made = hand()
    made.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3, 5))
    made.pass_s(600, silent=BLIND)
    say(made, Attested.NONE)
    say(made, Attested.NONE, "egov")
    made.pass_s(1.5 * HOUR, silent=BLIND)
    assert verdict(made, "ctcc") == verdict(made, "egov") == "none"
    before = made.world.situation
    made.pass_s(HOUR, silent=BLIND)
    after = made.world.situation
    assert before
    assert after
    assert verdict(made, "ctcc") == verdict(made, "egov") == "unknown"
    assert (before.verdict.spread, after.verdict.spread) == ("no", "unknown")
    assert (before.verdict.level, after.verdict.level) == ("none", "II")


def test_an_attested_outage_makes_other_unknowns_overdue() -> None:
    made = Hand.of(county(REGISTER))
    made.everyone("agent-cmcc", "agent-cucc")
    silent = ("agent-ctcc", "agent-tower")
    made.pass_s(2 * HOUR, silent=silent)
    assert made.world.desk.open_warning is None  # blindness alone proposes nothing
    say(made, Attested.PARTIAL)
    made.pass_s(1.5 * HOUR, silent=silent)
    assert made.world.situation is not None
    said = made.world.situation.verdict
    assert said.warning == said.warning_range[1]


def test_it_never_stands_against_a_measurement() -> None:
    made = hand()
    assert say(made, Attested.FULL, "cmcc") == "measured"
    assert say(made, Attested.FULL) == "accepted"
    made.everyone("agent-ctcc")
    made.pass_s(900)
    assert verdict(made, "ctcc") == "none"
    assert events(made) == ["said", "superseded"]
    shown = board(made.world, made.now)["operators"]["ctcc"]["attested"]
    assert (shown["state"], shown["superseded_by"]) == ("full", "none")
    assert made.world.situation is not None
    assert any("已由监测取代" in line for line in made.world.situation.evidence)


def test_expiry_brings_back_unknown_and_is_told() -> None:
    made = hand()
    say(made, Attested.NONE)
    made.pass_s(2 * HOUR - 60, silent=BLIND)
    assert verdict(made, "ctcc") == "none"
    made.pass_s(60, silent=BLIND)
    assert verdict(made, "ctcc") == "unknown"
    assert events(made) == ["said", "expired"]
    assert made.notices()[-1].subject.zh == "电话核实到期，请再次核实：电信公司"


def test_withdrawal_brings_back_unknown() -> None:
    made = hand()
    say(made, Attested.FULL)
    assert say(made, Attested.WITHDRAWN) == "accepted"
    assert verdict(made, "ctcc") == "unknown"
    assert events(made) == ["said", "withdrawn"]


def test_what_is_attested_grows_the_spread() -> None:
    made = hand()
    made.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 3, 5))
    made.pass_s(600, silent=BLIND)
    assert spread(made) != "yes"
    say(made, Attested.PARTIAL)
    made.pass_s(300, silent=BLIND)
    say(made, Attested.FULL, "egov")
    made.pass_s(10, silent=BLIND)
    assert spread(made) == "yes"
    say(made, Attested.PARTIAL)  # said again: no new step
    assert made.world.desk.attested["ctcc"].since_ms < made.world.desk.attested["ctcc"].at_ms


def spread(made: Hand) -> str:
    assert made.world.situation is not None
    return made.world.situation.verdict.spread


def test_entered_facts_decide_and_expire() -> None:
    made = hand()
    fact = Verb.FACT
    assert say(made, "yes", "hq_level", account="wang", verb=fact) == "no_such_value"
    assert say(made, "II", "hq_level", account="wang", verb=fact) == "accepted"
    assert made.world.situation is not None
    assert made.world.situation.verdict.level == "II"
    assert any("人工登记" in line for line in made.world.situation.evidence)
    assert say(made, "yes", "major_risk", account="zhang", verb=fact) == "no_role"
    assert say(made, "yes", "weather", account="wang", verb=fact) == "unknown_target"
    assert say(made, "no", "spread", account="wang", verb=fact) == "accepted"
    assert spread(made) == "no"
    assert say(made, Attested.WITHDRAWN, "spread", account="wang", verb=fact) == "accepted"
    assert spread(made) == "unknown"
    made.pass_s(2 * HOUR, silent=BLIND)
    assert made.world.situation.verdict.level == "none"
    assert events(made) == ["said", "said", "withdrawn", "expired"]
    assert "响应级别" in made.notices()[-1].subject.zh


def test_without_authority_nothing_changes() -> None:
    made = hand()
    assert say(made, Attested.FULL, account="li") == "no_role"
    assert verdict(made, "ctcc") == "unknown"
    assert not events(made)


def test_it_survives_a_restart_and_expires_in_time() -> None:
    made = hand()
    say(made, Attested.PARTIAL)
    raw = worlds.dump(made.world)
    again = worlds.load(raw, lambda _: made.world.county)
    assert worlds.dump(again) == raw
    made.world = again
    made.turn(Started(2))
    assert verdict(made, "ctcc") == "partial"
    made.pass_s(2 * HOUR, silent=BLIND)
    assert verdict(made, "ctcc") == "unknown"
    replayed = worlds.new(county(REGISTER), store=1, now_ms=made.inputs[0][0])
    for at_ms, given in made.inputs:
        worlds.step(replayed, at_ms, given)
    assert worlds.state_hash(replayed) == worlds.state_hash(made.world)


def test_a_snapshot_from_before_has_nothing_attested() -> None:
    made = hand()
    document = json.loads(worlds.dump(made.world))
    del document["desk"]["attested"], document["desk"]["situation"]["attested"]
    read = worlds.read(json.dumps(document).encode(), lambda _: made.world.county)
    assert read.dropped == []
    assert not read.world.desk.attested
