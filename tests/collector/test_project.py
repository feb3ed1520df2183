"""The projection: never below what is observed, by itself over, proposable, told as expected."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from collector.decide import Decider, DecisionInput, Impact
from collector.model import OfficeCommand, Row
from collector.project import RANK, join
from config.register import InformationSystem, Person
from tests.collector.small import PLAN, Hand, county, devices, register
from wire.notice import Command, NoticeKind, ThreatWord, Verb
from wire.observation import Outcome

MINUTE = 60_000
PEOPLE = tuple(
    Person(account=name, name=name, organ="县工业和信息化局", roles=(role,), key=name)
    for name, role in (("duty", "duty"), ("director", "director"), ("deputy", "deputy"))
)


def begun(**more: object) -> Hand:
    made = register(**more)  # type: ignore[arg-type]
    hand = Hand.of(county(made.model_copy(update={"people": PEOPLE})))
    hand.everyone()
    hand.pass_s(60)
    return hand


def cut(hand: Hand, *names: str, minutes: float | None = 40) -> None:
    """The mains of these devices are lost; their UPS says how long."""
    given = []
    for device in names:
        if minutes is not None:
            given.append(hand.reading(device, "ups_minutes_remaining", minutes))
        given.append(hand.reading(device, "mains", 2))
    hand.turn(*given)
    hand.pass_s(150)


def order(hand: Hand, verb: Verb, target: str, by: str, **more: object) -> str:
    """A signed order, already verified; its outcome."""
    ident = f"c-{len(hand.inputs)}"
    fields: dict[str, object] = {
        "id": ident, "county": "140522", "tree": "live", "account": by, "verb": verb,
        "target": target, "at_ms": hand.now, **more,
    }  # fmt: skip
    command = Command.model_validate(fields)
    hand.seqs["office"] = hand.seqs.get("office", 0) + 1
    hand.turn(OfficeCommand(Row("office", "command", 1, hand.seqs["office"]), command, by))
    return hand.world.desk._state.commands[ident]


# ── Batteries ────────────────────────────────────────────────────────────────────────────────────


def test_a_town_without_mains_is_a_warning_to_come_and_no_level_yet() -> None:
    hand = begun()
    cut(hand, *devices("cmcc", *range(1, 6)), *devices("cucc", 1, 3, 5))
    ahead = hand.verdict().projected
    assert hand.verdict().warning == "none"
    assert ahead is not None
    assert ahead.operators == {"cmcc": "partial", "cucc": "partial"}
    assert (ahead.warning, ahead.level) == ("scenario2", "II")
    assert ahead.at_ms is not None
    assert ahead.low_ms is not None
    assert ahead.high_ms is not None
    assert ahead.low_ms < ahead.at_ms < ahead.high_ms
    assert (ahead.sites, ahead.behind) == (8, 0)
    drafts = [n for n in hand.notices() if n.notice_kind is NoticeKind.WARNING_DRAFT]
    assert len(drafts) == 1
    text = drafts[0].text.zh
    assert "情形2" in drafts[0].subject.zh
    assert "（预计）" in drafts[0].subject.zh
    assert "预计约3" in text
    assert "2家企业部分业务受影响" in text
    assert "Ⅱ级" in text
    assert "这是预测" in text
    case = hand.world.desk.case
    assert case is not None
    assert (case.draft.warning, case.draft.level) == ("scenario2", "none")


def test_a_dip_of_the_mains_is_no_projection() -> None:
    hand = begun()
    names = devices("cmcc", *range(1, 11))
    hand.turn(*(hand.reading(d, "mains", 2) for d in names))
    hand.turn(*(hand.reading(d, "ups_minutes_remaining", 5) for d in names))
    assert hand.verdict().projected is None
    hand.pass_s(60)
    hand.turn(*(hand.reading(d, "mains", 1) for d in names))
    hand.pass_s(300)
    assert hand.world.desk.case is None


def test_it_ends_by_itself_and_the_draft_stays_until_people_drop_it() -> None:
    hand = begun()
    cut(hand, *devices("cmcc", 1, 2, 3))
    assert hand.verdict().projected is not None
    hand.turn(*(hand.reading(d, "mains", 1) for d in devices("cmcc", 1, 2, 3)))
    hand.pass_s(60)
    assert hand.verdict().projected is None
    assert hand.world.desk.case is not None
    hand.pass_s(3600)
    assert hand.world.desk.case is not None
    lifting = [n for n in hand.notices() if "建议解除" in n.subject.zh]
    assert len(lifting) == 1


def test_what_was_expected_and_comes_is_told_as_reached() -> None:
    hand = begun()
    cut(hand, *devices("cmcc", *range(1, 11)), minutes=10)
    before = len([n for n in hand.notices() if n.notice_kind is NoticeKind.WARNING_DRAFT])

    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", *range(1, 11)))
    hand.pass_s(900)
    assert hand.verdict().warning != "none"
    drafts = [n for n in hand.notices() if n.notice_kind is NoticeKind.WARNING_DRAFT]
    assert len(drafts) > before
    assert "（预计）" not in drafts[-1].subject.zh


def test_a_battery_beyond_the_horizon_projects_nothing_until_it_is_near() -> None:
    hand = begun()
    cut(hand, *devices("cmcc", 1, 2, 3), minutes=300)
    assert hand.verdict().projected is None
    hand.pass_s(3.1 * 3600)
    assert hand.verdict().projected is not None


def test_nobody_knows_for_how_long_counts_after_a_while() -> None:
    hand = begun()
    cut(hand, *devices("cmcc", 1, 2, 3), minutes=None)
    assert hand.verdict().projected is None
    hand.pass_s(900)
    ahead = hand.verdict().projected
    assert ahead is not None
    assert (ahead.low_ms, ahead.operators) == (None, {"cmcc": "partial"})


def test_a_hub_takes_along_what_hangs_on_it_and_its_system() -> None:
    parents = {f"cmcc-d{n}": ("cmcc-d1",) for n in range(2, 11)}
    system = InformationSystem(id="gov", name="政务外网", devices=("cmcc-d7", "cmcc-d8"))
    hand = begun(parents=parents, systems=(system,))
    cut(hand, "cmcc-d1")
    ahead = hand.verdict().projected
    assert ahead is not None
    assert ahead.operators == {"cmcc": "full"}
    assert ahead.systems == {"gov": "full"}
    assert (ahead.sites, ahead.behind) == (1, 9)


# ── Proposing ahead ──────────────────────────────────────────────────────────────────────────────


def test_the_projected_level_is_proposed_and_issued_as_proposed() -> None:
    hand = begun()
    cut(hand, *devices("cmcc", *range(1, 6)), *devices("cucc", 1, 3, 5))
    case = hand.world.desk.case
    assert case is not None
    coming = hand.world.desk.ahead
    assert coming is not None
    assert (coming.warning, coming.level) == ("scenario2", "II")
    assert order(hand, Verb.PROPOSE, case.id, "duty", projected=True) == "accepted"
    assert case.proposed == coming
    assert case.draft.level == "none"
    assert order(hand, Verb.PROPOSE, case.id, "duty", projected=True) == "nothing_new"
    hand.turn(*(hand.reading(d, "mains", 1) for d in devices("cmcc", *range(1, 6))))
    assert order(hand, Verb.ISSUE, case.id, "deputy") == "accepted"
    assert case.issued == coming
    hand.pass_s(3600)
    assert hand.world.desk.case is case
    assert case.issued == coming


def test_without_a_projection_there_is_nothing_to_propose_ahead() -> None:
    hand = begun()

    hand.looks(Outcome.NO_ANSWER, *devices("cmcc", 1, 2, 3))
    hand.pass_s(400)
    case = hand.world.desk.case
    assert case is not None
    assert hand.world.desk.ahead is None
    assert order(hand, Verb.PROPOSE, case.id, "duty", projected=True) == "nothing_new"


# ── Threats ──────────────────────────────────────────────────────────────────────────────────────

STORM = ThreatWord(what="暴雨红色预警", towns=("140522101",), spread=True)


def test_a_threat_is_projected_with_its_source_and_its_end_is_told() -> None:
    hand = begun()
    said = order(
        hand, Verb.THREAT, "storm", "director",
        state="full", threat=STORM, source="县气象局", valid_s=3600,
    )  # fmt: skip
    assert said == "accepted"
    verdict = hand.verdict()
    assert verdict.warning == "none"
    assert verdict.projected is not None
    assert verdict.projected.threats == ("storm",)
    assert set(verdict.projected.operators.values()) == {"partial"}
    drafts = [n for n in hand.notices() if n.notice_kind is NoticeKind.WARNING_DRAFT]
    assert len(drafts) == 1
    assert "暴雨红色预警" in drafts[0].text.zh
    answered = next(n for n in hand.notices() if n.notice_kind is NoticeKind.DECISION)
    assert "县气象局" in answered.text.zh
    assert "第1镇" in answered.text.zh
    hand.pass_s(3700)
    assert hand.verdict().projected is None
    assert [n for n in hand.notices() if "外部威胁到期" in n.subject.zh]
    assert [r["event"] for r in hand.records("threat")] == ["entered", "expired"]


def test_a_threat_is_taken_back_and_wrong_ones_are_refused_by_name() -> None:
    hand = begun()
    more = {"state": "partial", "threat": STORM, "source": "县气象局"}
    assert order(hand, Verb.THREAT, "storm", "duty", **more) == "no_role"
    assert order(hand, Verb.THREAT, "storm", "director", **more) == "accepted"
    strange = ThreatWord(what="x", towns=("999",))
    wrong = {"state": "full", "threat": strange, "source": "y"}
    assert order(hand, Verb.THREAT, "other", "director", **wrong) == "unknown_target"
    assert order(hand, Verb.THREAT, "other", "director", state="withdrawn") == "not_attested"
    assert order(hand, Verb.THREAT, "storm", "director", state="withdrawn") == "accepted"
    assert not hand.world.desk.threats
    assert hand.verdict().projected is None


def test_a_threat_for_later_counts_a_day_ahead() -> None:
    hand = begun()
    later = STORM.model_copy(update={"from_ms": hand.now + 30 * 3_600_000})
    more = {"state": "full", "threat": later, "source": "县气象局", "valid_s": 48 * 3600}
    assert order(hand, Verb.THREAT, "storm", "director", **more) == "accepted"
    assert hand.verdict().projected is None
    hand.pass_s(6.1 * 3600, step_s=600)
    assert hand.verdict().projected is not None


# ── Properties ───────────────────────────────────────────────────────────────────────────────────

STATES = st.sampled_from(["none", "partial", "full", "unknown", "absent"])
DECIDER = Decider(PLAN)
INPUTS = st.builds(
    DecisionInput,
    operators=st.fixed_dictionaries({one.id: STATES for one in PLAN.operators}),
    systems=st.fixed_dictionaries({"gov": STATES, "120": STATES}),
    spread=st.sampled_from(["no", "yes", "unknown"]),
    overdue=st.frozensets(st.sampled_from(["cmcc", "tower", "gov", "spread"])),
)
COMING = st.dictionaries(
    st.sampled_from([*(one.id for one in PLAN.operators), "gov", "120"]),
    st.sampled_from(["none", "partial", "full"]),
)


@given(INPUTS, COMING)
def test_projected_is_never_milder_than_observed(
    given: DecisionInput, more: dict[str, str]
) -> None:
    now = DECIDER.decide(given)
    then = DECIDER.decide(join(given, [more], given.spread))
    assert all(
        after >= before
        for before, after in zip(DECIDER.severities(now), DECIDER.severities(then), strict=True)
    )


@given(INPUTS, COMING, COMING)
def test_the_join_is_monotone(
    given: DecisionInput, one: dict[str, str], other: dict[str, str]
) -> None:
    few, many = join(given, [one], "no"), join(given, [one, other], "no")
    for before, after in ((few.operators, many.operators), (few.systems, many.systems)):
        assert all(RANK.get(Impact(after[n]), 0) >= RANK.get(Impact(before[n]), 0) for n in before)


@budget(max_examples=25)
@given(st.integers(0, 2**32))
def test_more_batteries_low_never_lower_the_projection(seed: int) -> None:
    dice = random.Random(seed)
    parents = {f"cmcc-d{n}": ("cmcc-d1",) for n in range(2, 5)}
    hand = begun(sites=5, parents=parents)
    names = [d for o in ("cmcc", "cucc", "ctcc") for d in devices(o, *range(1, 6))]
    dice.shuffle(names)
    severities = hand.world.county.decider._compiled
    worst = (0, 0)
    for device in names[:8]:
        cut_one(hand, device, dice.choice([5, 30, 90]))
        verdict = hand.verdict()
        ahead = verdict.projected
        now = (
            severities.warnings.index(ahead.warning if ahead else verdict.warning),
            severities.responses.index(ahead.level if ahead else verdict.level),
        )
        assert now >= (worst[0], 0)
        assert now[1] >= worst[1]
        assert now[0] >= severities.warnings.index(verdict.warning)
        worst = now


def cut_one(hand: Hand, device: str, minutes: int) -> None:
    hand.turn(
        hand.reading(device, "ups_minutes_remaining", minutes), hand.reading(device, "mains", 2)
    )
