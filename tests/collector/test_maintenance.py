"""Maintenance windows in the World: quiet inside, judged anew at the end, announced (F35)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count

import pytest

from collector import world as worlds
from collector.model import AlarmSaid, Reconfigured
from config.register import Device, InformationSystem, Person, Register
from escalation.effects import Record
from tests.collector.small import T0, Hand, county, register
from wire.alarm import AlarmAction, AlarmVerb
from wire.maintenance import Window
from wire.notice import Notice, NoticeKind
from wire.observation import Outcome

ZHAO = Person(account="zhao", name="赵工", organ="移动公司", roles=("duty",), key="zhao")
WU = Person(account="wu", name="吴工", organ="移动公司", roles=("guest",), key="wu")
NUMBERS = count()
HOUR = 3600
PARENTS = {f"cmcc-d{n}": ("cmcc-d2",) for n in (3, 4)}


def made(changed: Mapping[str, object] | None = None, **more: object) -> Hand:
    """20 sites an operator; cmcc-s1 is a key unit; d3 and d4 hang on d2."""
    basis = register(sites=20, parents=PARENTS, operators=("cmcc", "tower"), **more)  # type: ignore[arg-type]
    sites = tuple(one.model_copy(update={"key_unit": one.id == "cmcc-s1"}) for one in basis.sites)
    found = basis.model_copy(
        update={"sites": sites, "people": (ZHAO, WU), **(dict(changed) if changed else {})}
    )
    hand = Hand.of(county(found))
    hand.everyone()
    return hand


def window(
    hand: Hand, *targets: str, of_s: float = 0, to_s: float = 2 * HOUR, **more: str
) -> Window:
    return Window(
        id=more.get("id", f"w-{next(NUMBERS)}"),
        targets=targets,
        start_ms=hand.now + round(of_s * 1000),
        end_ms=hand.now + round(to_s * 1000),
        rrule=more.get("rrule", ""),
        name="核心割接",
        reason="工单 42",
    )


def say(hand: Hand, verb: AlarmVerb, who: str = "zhao", **fields: object) -> str:
    given = {"alarms": (), **fields}
    action = AlarmAction(
        id=f"a-{next(NUMBERS)}", county="140522", tree="live", account=who, verb=verb,
        at_ms=hand.now, **given,  # type: ignore[arg-type]
    )  # fmt: skip
    effects = hand.turn(AlarmSaid(action, who))
    record = next(e for e in effects if isinstance(e, Record) and e.kind == "alarm_action")
    return str(record.data["outcome"])


def enter(hand: Hand, *targets: str, **more: object) -> str:
    made = window(hand, *targets, **more)  # type: ignore[arg-type]
    assert say(hand, AlarmVerb.MAINTAIN, window=made) == "accepted"
    return made.id


def told(hand: Hand, kind: NoticeKind) -> list[Notice]:
    return [one for one in hand.notices() if one.notice_kind is kind]


def test_quiet_inside_and_in_order_at_the_end() -> None:
    hand = made()
    enter(hand, "site:cmcc-s5")
    hand.looks(Outcome.NO_ANSWER, "cmcc-d5")
    hand.pass_s(HOUR)
    assert hand.status("cmcc-d5") == "down"  # judged and shown
    assert hand.world.tally.quiet_devices == {"cmcc-d5": "maintenance"}
    assert hand.world.tally.quiet_sites == {"cmcc-s5": "maintenance"}
    assert hand.world.tally.operators["cmcc"].sites == 19
    hand.looks(Outcome.MEASURED, "cmcc-d5")
    hand.pass_s(1.2 * HOUR)
    assert told(hand, NoticeKind.INCIDENT) == []
    over = told(hand, NoticeKind.HEALTH)
    assert [one.subject.zh for one in over] == ["维护窗口“核心割接”结束，均已正常"]
    assert "赵工登记" in over[0].text.zh
    assert hand.world.tally.operators["cmcc"].sites == 20
    assert hand.world.state.hush.windows == {}


def test_a_fault_that_persists_is_told_when_the_window_ends_and_counts_from_then() -> None:
    hand = made()
    enter(hand, "site:cmcc-s5")
    end = hand.now + 2 * HOUR * 1000
    hand.looks(Outcome.NO_ANSWER, "cmcc-d5")
    hand.pass_s(2 * HOUR - 1)
    assert hand.notices() == []
    hand.pass_s(120)
    (incident,) = told(hand, NoticeKind.INCIDENT)
    assert incident.at_ms == end
    assert [(one.site, one.since_ms) for one in incident.sites] == [("cmcc-s5", end)]
    assert [(one.device, one.since_ms) for one in incident.devices] == [("cmcc-d5", end)]
    (over,) = told(hand, NoticeKind.HEALTH)
    assert over.subject.zh == "维护窗口“核心割接”结束，仍有1项未恢复"
    assert "cmcc站5主机" in over.text.zh


def test_an_operators_hold_runs_from_the_windows_end() -> None:
    hand = made()
    enter(hand, "site:cmcc-s5")
    hand.looks(Outcome.NO_ANSWER, "cmcc-d5")
    hand.pass_s(2 * HOUR - 1)
    assert hand.impact("cmcc") == "none"
    hand.pass_s(100)
    assert hand.impact("cmcc") == "none"  # 5 % of its sites, held 180 s from the window's end
    hand.pass_s(120)
    assert hand.impact("cmcc") == "partial"


def test_what_hangs_on_covered_devices_alone_is_covered_while_it_is_cut_off() -> None:
    hand = made()
    enter(hand, "device:cmcc-d2")
    hand.looks(Outcome.NO_ANSWER, "cmcc-d2", "cmcc-d3", "cmcc-d4")
    hand.pass_s(HOUR)
    assert [hand.status(f"cmcc-d{n}") for n in (2, 3, 4)] == ["down", "hidden", "hidden"]
    assert hand.notices() == []
    assert hand.impact("cmcc") == "none"
    hand.looks(Outcome.MEASURED, "cmcc-d2")  # back, and a child has a fault of its own
    hand.pass_s(400)
    assert [hand.status(f"cmcc-d{n}") for n in (2, 3, 4)] == ["ok", "down", "down"]
    assert len(told(hand, NoticeKind.INCIDENT)) == 1


def test_a_key_unit_is_never_covered() -> None:
    hand = made()
    enter(hand, "site:cmcc-s1", "site:cmcc-s5")
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1", "cmcc-d5")
    hand.pass_s(600)
    (incident,) = told(hand, NoticeKind.INCIDENT)
    assert [one.site for one in incident.sites] == ["cmcc-s1"]
    assert hand.impact("cmcc") == "partial"
    assert "另有1台设备维护中（不计入）" in hand.notices()[-1].text.zh + incident.text.zh


def test_what_was_told_before_the_window_is_not_said_to_have_recovered() -> None:
    hand = made()
    hand.looks(Outcome.NO_ANSWER, "cmcc-d5")
    hand.pass_s(200)
    assert len(told(hand, NoticeKind.INCIDENT)) == 1
    enter(hand, "site:cmcc-s5")
    hand.pass_s(2 * HOUR - 10)
    assert told(hand, NoticeKind.RECOVERY) == []
    assert hand.world.desk._state.incident is not None
    hand.looks(Outcome.MEASURED, "cmcc-d5")
    hand.pass_s(600)
    assert len(told(hand, NoticeKind.RECOVERY)) >= 1


def test_a_person_ends_it_early() -> None:
    hand = made()
    ident = enter(hand, "site:cmcc-s5")
    hand.looks(Outcome.NO_ANSWER, "cmcc-d5")
    hand.pass_s(600)
    assert say(hand, AlarmVerb.END, target=ident) == "accepted"
    assert hand.world.covered == set()
    assert len(told(hand, NoticeKind.INCIDENT)) == 1
    assert say(hand, AlarmVerb.END, target=ident) == "unknown_target"


@pytest.mark.parametrize(
    ("targets", "fields", "who", "outcome"),
    [
        (("site:nowhere",), {}, "zhao", "unknown_target"),
        (("operator:cmcc/999999999",), {}, "zhao", "unknown_target"),
        (("operator:cmcc",), {}, "zhao", "too_much"),
        (("site:cmcc-s5",), {"to_s": 80 * HOUR}, "zhao", "too_long"),
        (("site:cmcc-s5",), {"of_s": -7200, "to_s": -3600}, "zhao", "too_late"),
        (("site:cmcc-s5",), {}, "wu", "no_role"),
    ],
)
def test_refused_by_name(
    targets: tuple[str, ...], fields: dict[str, float], who: str, outcome: str
) -> None:
    hand = made()
    given = window(hand, *targets, **fields)  # type: ignore[arg-type]
    assert say(hand, AlarmVerb.MAINTAIN, who, window=given) == outcome
    assert hand.world.state.hush.windows == {}
    assert say(hand, AlarmVerb.END, target="w-none") == "unknown_target"


def test_an_id_is_given_once_and_windows_together_may_not_hide_too_much() -> None:
    hand = made()
    five = tuple(f"site:cmcc-s{n}" for n in range(5, 10))
    ident = enter(hand, *five)
    again = window(hand, "site:cucc-s1", id=ident)
    assert say(hand, AlarmVerb.MAINTAIN, window=again) == "taken"
    beside = window(hand, "site:cmcc-s10", "site:cmcc-s11")
    assert say(hand, AlarmVerb.MAINTAIN, window=beside) == "too_much"
    later = window(hand, "site:cmcc-s10", "site:cmcc-s11", of_s=3 * HOUR, to_s=4 * HOUR)
    assert say(hand, AlarmVerb.MAINTAIN, window=later) == "accepted"


def test_a_window_of_the_register_that_hides_too_much_does_not_open_and_is_told() -> None:
    late = Window(
        id="r1", targets=("operator:cmcc",), start_ms=T0 + HOUR * 1000,
        end_ms=T0 + 2 * HOUR * 1000, name="全网割接", reason="计划",
    )  # fmt: skip
    hand = made({"windows": (late,)})
    hand.pass_s(HOUR + 120)
    assert hand.world.covered == set()
    (said,) = told(hand, NoticeKind.HEALTH)
    assert said.subject.zh == "维护窗口“全网割接”未生效：遮蔽范围超过上限"
    hand.looks(Outcome.NO_ANSWER, "cmcc-d5")
    hand.pass_s(300)
    assert len(told(hand, NoticeKind.INCIDENT)) == 1


def test_a_recurring_window_comes_again_until_it_is_taken_back() -> None:
    hand = made()
    ident = enter(hand, "site:cmcc-s5", to_s=HOUR, rrule="FREQ=DAILY;COUNT=3")
    assert hand.world.covered == {"cmcc-d5"}
    hand.pass_s(2 * HOUR, step_s=600)
    assert hand.world.covered == set()
    hand.pass_s(22.5 * HOUR, step_s=600)
    assert hand.world.covered == {"cmcc-d5"}
    assert say(hand, AlarmVerb.END, target=ident) == "accepted"
    assert ident not in hand.world.state.hush.windows
    hand.pass_s(24 * HOUR, step_s=600)
    assert hand.world.covered == set()


def test_a_system_that_is_wholly_in_maintenance_is_not_connected_meanwhile() -> None:
    egov = InformationSystem(id="egov", name="电子政务外网", devices=("cmcc-d5",))
    hand = made(systems=(egov,))
    enter(hand, "device:cmcc-d5")
    hand.looks(Outcome.NO_ANSWER, "cmcc-d5")
    hand.pass_s(HOUR)
    assert hand.world.state.systems["egov"].impact == "absent"
    hand.pass_s(HOUR + 10)
    hand.pass_s(400)
    assert hand.world.state.systems["egov"].impact == "full"


def test_it_survives_a_restart_and_a_changed_register() -> None:
    hand = made()
    enter(hand, "site:cmcc-s5", of_s=600)
    hand.looks(Outcome.NO_ANSWER, "cmcc-d5")
    for s in (0, 700, 3000):
        hand.pass_s(s)
        raw = worlds.dump(hand.world)
        again = worlds.load(raw, lambda _: hand.world.county)
        assert again.covered == hand.world.covered
        assert again.tally == hand.world.tally
        assert worlds.dump(again) == raw
    fewer: Register = hand.world.county.register
    kept = tuple(one for one in fewer.devices if one.id != "cmcc-d5")
    more = (*kept, Device(id="cmcc-d55", name="新", site="cmcc-s5"))
    other = county(fewer.model_copy(update={"devices": more}))
    worlds.step(hand.world, hand.now, Reconfigured(other.hash), lambda _: other)
    hand.turn()
    assert hand.world.covered == {"cmcc-d55"}
