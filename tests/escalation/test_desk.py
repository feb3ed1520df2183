from __future__ import annotations

from dataclasses import replace

import pytest

from escalation.charter import Clocks
from escalation.desk import Desk
from escalation.effects import Effect, EmitNotice, Record
from escalation.warning import State
from tests.escalation.county import (
    CALM,
    FULL,
    MINUTE,
    PARTIAL,
    T0,
    charter,
    device,
    order,
    silent,
    site,
    situation,
    verdict,
)
from wire.notice import Notice, NoticeKind, Verb

HOLD = 30 * MINUTE
K = NoticeKind


def notices(effects: list[Effect]) -> list[Notice]:
    return [effect.notice for effect in effects if isinstance(effect, EmitNotice)]


def kinds(effects: list[Effect]) -> list[NoticeKind]:
    return [notice.notice_kind for notice in notices(effects)]


def records(effects: list[Effect], kind: str) -> list[dict[str, object]]:
    return [effect.data for effect in effects if isinstance(effect, Record) and effect.kind == kind]


def run_until(desk: Desk, end_ms: int) -> list[Effect]:
    """Every deadline up to ``end_ms``, at its own moment."""
    done: list[Effect] = []
    for _ in range(10_000):
        at = desk.next_deadline()
        if at is None or at > end_ms:
            return done
        done += desk.due(at)
    raise AssertionError("the desk never comes to rest")


def drafted() -> Desk:
    desk = Desk(charter())
    desk.assess(T0, FULL)
    return desk


def say(
    desk: Desk,
    at_ms: int,
    verb: Verb,
    account: str,
    *,
    target: str | None = None,
    ident: str = "",
    reason: str = "",
) -> list[Effect]:
    target = target or desk.open_warning or "W-20261123-001"
    return desk.command(at_ms, order(verb, target, account, ident=ident, reason=reason), account)


def issued() -> Desk:
    desk = drafted()
    say(desk, T0 + 1, Verb.PROPOSE, "zhang")
    say(desk, T0 + 2, Verb.ISSUE, "wang")
    return desk


def test_calm_tells_nothing() -> None:
    desk = Desk(charter())
    assert desk.assess(T0, CALM) == []
    assert desk.next_deadline() is None


def test_an_incident_without_impact_is_told_once() -> None:
    desk = Desk(charter())
    found = situation(verdict(), devices=(device(1), device(2, "snmp_fault")))
    assert kinds(desk.assess(T0, found)) == [K.INCIDENT]
    assert desk.assess(T0 + 1, found) == []
    assert desk.open_warning is None


def test_scenario_and_level_are_drafted_at_once_and_told_to_every_recipient() -> None:
    desk = Desk(charter("office", "backup"))
    told = notices(desk.assess(T0, FULL))
    assert [(n.number, n.recipient, n.notice_kind) for n in told] == [
        (1, "office", K.INCIDENT),
        (1, "backup", K.INCIDENT),
        (2, "office", K.WARNING_DRAFT),
        (2, "backup", K.WARNING_DRAFT),
        (3, "office", K.LEVEL_DRAFT),
        (3, "backup", K.LEVEL_DRAFT),
    ]
    assert {n.warning_id for n in told[2:]} == {"W-20261123-001"}
    assert desk.standing == ("scenario2", State.DRAFTED)


def test_a_rise_is_told_at_once_and_a_fall_is_not() -> None:
    desk = Desk(charter())
    desk.assess(T0, PARTIAL)
    assert kinds(desk.assess(T0 + 1, FULL)) == [K.WARNING_DRAFT, K.LEVEL_DRAFT]
    assert desk.assess(T0 + 2, PARTIAL) == []
    assert kinds(desk.assess(T0 + 3, FULL)) == []
    assert desk.standing[0] == "scenario2"


def test_flapping_for_an_hour_tells_a_rise_once() -> None:
    desk = Desk(charter())
    told: list[Effect] = []
    for second in range(3600):
        now = T0 + second * 1000
        told += desk.assess(now, FULL if second % 2 else PARTIAL)
    assert kinds(told).count(K.WARNING_DRAFT) == 2
    assert kinds(told).count(K.LEVEL_DRAFT) == 1
    assert K.RECOVERY not in kinds(told) or len(kinds(told)) < 20


def test_recovery_is_shown_then_lifting_is_suggested_and_nothing_lifts_itself() -> None:
    desk = issued()
    desk.assess(T0 + 10, CALM)
    told = notices(run_until(desk, T0 + 24 * 60 * MINUTE))
    recovery = [n for n in told if n.notice_kind is K.RECOVERY]
    assert ["全部恢复，观察中" in recovery[0].subject.zh, "建议解除" in recovery[1].subject.zh] == [
        True,
        True,
    ]
    assert len(recovery) == 2
    assert desk.standing == ("none", State.ISSUED)
    assert desk.open_warning == "W-20261123-001"


def test_a_partial_recovery_suggests_a_lower_draft_which_a_person_adopts() -> None:
    desk = issued()
    desk.assess(T0 + 10, PARTIAL)
    run_until(desk, T0 + 10 + HOLD)
    assert desk.standing == ("scenario3", State.ISSUED)
    effects = say(desk, T0 + 11 + HOLD, Verb.ISSUE, "wang", ident="down")
    (step,) = records(effects, "warning")
    assert (step["to"], step["scenario"]) == ("updated", "scenario3")


def test_a_rise_after_the_suggestion_is_told_again() -> None:
    desk = issued()
    desk.assess(T0 + 10, CALM)
    run_until(desk, T0 + 10 + HOLD)
    again = desk.assess(T0 + 20 + HOLD, FULL)
    assert K.WARNING_DRAFT in kinds(again)
    assert desk.open_warning == "W-20261123-001"


def test_an_untouched_draft_stays_open() -> None:
    desk = drafted()
    desk.assess(T0 + 10, CALM)
    run_until(desk, T0 + 72 * 60 * MINUTE)
    assert desk.standing == ("none", State.DRAFTED)


def test_unknown_never_clears() -> None:
    desk = drafted()
    dark = situation(
        verdict(
            operators={"cmcc": "unknown"}, spread="unknown",
            worst=("scenario1", "I"), best=("none", "none"),
        ),
        sites=(site(1, "unknown"),),
        devices=(device(1, "unknown"),),
        blind=(silent("cmcc-noc", "cmcc"),),
    )  # fmt: skip
    told = [*desk.assess(T0 + 10, dark), *run_until(desk, T0 + 10 * HOLD)]
    assert desk.standing == ("scenario2", State.DRAFTED)
    assert not records(told, "draft")
    assert not [r for r in records(told, "incident") if r["event"] == "closed"]


def test_blindness_alone_proposes_nothing_and_names_the_number_to_ring() -> None:
    desk = Desk(charter())
    dark = situation(
        verdict(operators={"cucc": "unknown"}, worst=("scenario2", "II"), best=("none", "none")),
        blind=(silent(),),
    )
    told = notices(desk.assess(T0, dark))
    assert [n.notice_kind for n in told] == [K.HEALTH]
    assert "监测中断，请电话核实" in told[0].subject.zh
    assert "4226000" in told[0].text.zh
    assert "尚不能排除情形2、Ⅱ级响应" in told[0].text.zh
    assert desk.open_warning is None


def test_a_source_that_comes_and_goes_is_folded() -> None:
    desk = Desk(charter())
    dark = situation(verdict(), blind=(silent(),))
    assert kinds(desk.assess(T0, dark)) == [K.HEALTH]
    assert desk.assess(T0 + 1000, CALM) == []
    assert desk.assess(T0 + 2000, dark) == []
    assert run_until(desk, T0 + HOLD) == []
    desk.assess(T0 + HOLD, CALM)
    assert desk.next_deadline() is None  # the end was told at once


def test_a_thousand_devices_in_a_minute_are_one_incident_and_few_notices() -> None:
    desk = Desk(charter())
    told: list[Effect] = []
    for second in range(60):
        now = T0 + second * 1000
        down = tuple(device(number) for number in range((second + 1) * 17))[:1000]
        sites = tuple(site(number) for number in range((second + 1) * 5))
        effects = desk.assess(now, situation(verdict(), sites=sites, devices=down))
        told += [*effects, *run_until(desk, now)]
    told += run_until(desk, T0 + 10 * MINUTE)
    sent = notices(told)
    assert sent[0].at_ms == T0
    assert len(sent) <= 10
    assert len(records(told, "incident")) == 1
    assert len(sent[-1].devices) == 1000
    assert "设备无应答1000台" in sent[-1].text.zh


def test_the_flood_limit_holds_back_all_but_drafts_and_decisions() -> None:
    tight = replace(charter(), clocks=replace(Clocks(), flood_most=3, fold_s=1, fold_most_s=1))
    desk = Desk(tight)
    told: list[Effect] = []
    for second in range(600):
        now = T0 + second * 1000
        found = situation(verdict(), sites=tuple(site(n) for n in range(second + 1)))
        told += desk.assess(now, found)
    assert len(notices(told)) == 3
    assert kinds(desk.assess(T0 + 599_500, FULL)) == [K.WARNING_DRAFT, K.LEVEL_DRAFT]


def test_recovery_of_what_was_never_told_is_merged() -> None:
    desk = Desk(charter())
    desk.assess(T0, situation(verdict(), sites=(site(1),)))
    desk.assess(T0 + 1000, situation(verdict(), sites=(site(1), site(2))))
    desk.assess(T0 + 2000, situation(verdict(), sites=(site(1),)))
    assert notices(run_until(desk, T0 + 29 * MINUTE)) == []


def test_the_incident_closes_after_the_hold_and_a_new_one_gets_its_own_notice() -> None:
    desk = Desk(charter())
    found = situation(verdict(), sites=(site(1),))
    desk.assess(T0, found)
    desk.assess(T0 + MINUTE, CALM)
    done = run_until(desk, T0 + 2 * HOLD)
    assert records(done, "incident") == [{"id": "E-20261123-001", "event": "closed"}]
    assert kinds(desk.assess(T0 + 3 * HOLD, found)) == [K.INCIDENT]


def test_a_level_is_told_again_when_the_plan_s_words_come_to_carry_it() -> None:
    desk = Desk(charter())
    gap = situation(
        verdict("scenario2", "II", operators={"cmcc": "partial", "cucc": "partial"},
                literal=(False, False), rules=("G2-operators", "GL2-scenario")),
        sites=(site(1),),
    )  # fmt: skip
    first = notices(desk.assess(T0, gap))
    assert "研判提示" in first[-1].subject.zh
    assert "（研判条款 4.4.2(3)）" in first[-1].text.zh
    second = notices(desk.assess(T0 + 1, FULL))
    assert [n.notice_kind for n in second] == [K.LEVEL_DRAFT]
    assert "启动建议" in second[0].subject.zh


# ── People ───────────────────────────────────────────────────────────────────────────────────────


def outcome(effects: list[Effect]) -> str:
    (told,) = (n for n in notices(effects) if n.notice_kind is K.DECISION)
    assert told.decision is not None
    return told.decision.outcome


def test_from_draft_to_lifting() -> None:
    desk = issued()
    assert desk.standing[1] is State.ISSUED
    effects = say(desk, T0 + 3, Verb.LIFT, "li", reason="处置结束")
    assert outcome(effects) == "accepted"
    (entry,) = records(effects, "command")
    evidence = entry["evidence"]
    assert isinstance(evidence, dict)
    assert len(evidence["sites"]) == 22  # lifted against the evidence: carried out and recorded
    assert "仍有：站点中断22个" in notices(effects)[0].text.zh
    assert desk.open_warning is None


def test_what_was_closed_is_not_drafted_again_until_it_grows() -> None:
    desk = Desk(charter())
    desk.assess(T0, PARTIAL)
    say(desk, T0 + 1, Verb.WITHDRAW, "li", reason="误报")
    assert desk.open_warning is None
    assert K.WARNING_DRAFT not in kinds(desk.assess(T0 + 2, PARTIAL))
    assert K.WARNING_DRAFT in kinds(desk.assess(T0 + 3, FULL))
    assert desk.open_warning == "W-20261123-002"


def test_what_was_closed_is_drafted_again_after_a_calm() -> None:
    desk = Desk(charter())
    desk.assess(T0, PARTIAL)
    say(desk, T0 + 1, Verb.WITHDRAW, "li")
    desk.assess(T0 + 2, CALM)
    run_until(desk, T0 + 2 * HOLD)
    assert K.WARNING_DRAFT in kinds(desk.assess(T0 + 3 * HOLD, PARTIAL))


@pytest.mark.parametrize(
    ("verb", "account", "target", "wanted"),
    [
        (Verb.PROPOSE, "nobody", "W-20261123-001", "unknown_account"),
        (Verb.PROPOSE, "zhao", "W-20261123-001", "not_valid"),
        (Verb.ISSUE, "zhang", "W-20261123-001", "no_role"),
        (Verb.PROPOSE, "zhang", "W-20261123-009", "unknown_target"),
        (Verb.ACK, "zhang", "N-000099", "unknown_target"),
        (Verb.ACK, "zhang", "W-20261123-001", "unknown_target"),
        (Verb.ACK, "zhang", "N-000002", "accepted"),
    ],
)
def test_refusals_are_told_and_change_nothing(
    verb: Verb, account: str, target: str, wanted: str
) -> None:
    desk = drafted()
    effects = say(desk, T0 + 5, verb, account, target=target)
    assert outcome(effects) == wanted
    assert records(effects, "command")[0]["outcome"] == wanted
    assert desk.standing == ("scenario2", State.DRAFTED)


def test_a_stolen_name_is_refused() -> None:
    desk = drafted()
    effects = desk.command(T0, order(Verb.PROPOSE, "W-20261123-001", "zhang"), "wang")
    assert outcome(effects) == "wrong_key"
    assert "张三" in notices(effects)[0].text.zh


def test_a_repeated_command_is_idempotent() -> None:
    desk = drafted()
    say(desk, T0 + 5, Verb.PROPOSE, "zhang", ident="c1")
    before = desk.to_json()
    again = say(desk, T0 + 6, Verb.PROPOSE, "zhang", ident="c1")
    assert [effect.kind for effect in again if isinstance(effect, Record)] == ["command_repeated"]
    assert notices(again) == []
    assert desk.to_json() == before


def test_the_same_step_twice_is_refused_as_nothing_new() -> None:
    desk = drafted()
    say(desk, T0 + 5, Verb.PROPOSE, "zhang", ident="c1")
    assert outcome(say(desk, T0 + 6, Verb.PROPOSE, "zhang", ident="c2")) == "nothing_new"
    say(desk, T0 + 7, Verb.ISSUE, "wang", ident="c3")
    assert outcome(say(desk, T0 + 8, Verb.ISSUE, "wang", ident="c4")) == "nothing_new"
    say(desk, T0 + 9, Verb.LIFT, "wang", ident="c5")
    late = say(desk, T0 + 10, Verb.LIFT, "wang", ident="c6", target="W-20261123-001")
    assert outcome(late) == "closed"


def test_a_late_order_is_carried_out() -> None:
    desk = drafted()
    command = order(Verb.PROPOSE, "W-20261123-001", "zhang", at_ms=T0 - 6 * 60 * MINUTE)
    assert outcome(desk.command(T0 + 5, command, "zhang")) == "accepted"


def test_an_issued_warning_is_renewed_or_overdue_but_never_gone() -> None:
    desk = issued()
    day = 24 * 60 * MINUTE
    told = notices(run_until(desk, T0 + 2 * day))
    assert [n.subject.zh for n in told] == ["预警续期：W-20261123-001"] * 2
    assert desk.standing[1] is State.ISSUED
    assert outcome(say(desk, T0 + 2 * day, Verb.ISSUE, "wang", ident="renew")) == "accepted"


def test_after_a_long_stop_due_steps_happen_once() -> None:
    desk = drafted()
    late = T0 + 6 * 60 * MINUTE
    assert kinds(desk.due(late)) == [K.REMINDER]
    assert desk.due(late) == []


def test_a_snapshot_of_another_plan_s_words_is_never_lowered_by_itself() -> None:
    desk = drafted()
    other = replace(charter(), scenarios=charter().scenarios[:1], levels=())
    again = Desk.from_json(other, desk.to_json())
    assert again.standing == ("scenario2", State.DRAFTED)
    assert K.WARNING_DRAFT not in kinds(again.assess(T0 + 1, PARTIAL))


def test_a_damaged_snapshot_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="validation error"):
        Desk.from_json(charter(), b'{"number": "x"}')
