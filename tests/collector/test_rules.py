"""Rules that change in mid-incident: the warning keeps its own until a person says (FAULTS F23).

Also what races around a warning: an acknowledgement and its reminder (F24), in either order; a
recovery of something whose beginning was never told (F25); stamps of clocks never set (F16).
"""

from __future__ import annotations

from typing import Any

import pytest

from collector import world as worlds
from collector.board import board
from collector.county import County
from collector.model import (
    Input,
    OfficeCommand,
    Received,
    Reconfigured,
    Row,
    Started,
    Tick,
    decode_input,
    encode_input,
)
from collector.state import Stamp
from collector.web.worldview import standing_remarks
from config.register import Person, Register
from escalation.desk import Desk
from escalation.effects import Record
from tests.collector.small import PLAN, POLICY, Hand, county, devices, register
from wire.notice import Command, Notice, NoticeKind, Verb
from wire.observation import Look, Method, Outcome, Reading

STRICT = POLICY.model_copy(
    update={
        "operator": POLICY.operator.model_copy(
            update={
                "full_share": POLICY.operator.full_share.model_copy(
                    update={"raise_share": 0.3, "hold_s": 0}
                )
            }
        )
    }
)
"""By this policy half of the sites is all of them."""

ISSUES = next(one.roles[0] for one in PLAN.authority if one.verb == "issue")
WANG = Person(account="wang", name="王五", organ="县政府", roles=(ISSUES,), key="wang")
LI = Person(account="li", name="李四", organ="县工业和信息化局", roles=("duty",), key="li")


def reg(sites: int = 4) -> Register:
    return register(sites=sites).model_copy(update={"people": (WANG, LI)})


class Scene:
    """A county with an open warning, whose configurations are kept by hash."""

    def __init__(self, sites: int = 4, out: int = 2) -> None:
        self.known: dict[str, County] = {}
        self.hand = Hand.of(self.keep(county(reg(sites))))
        hand = self.hand
        hand.everyone()
        hand.looks(Outcome.NO_ANSWER, *devices("cmcc", *range(1, out + 1)))
        hand.pass_s(600)
        assert hand.impact("cmcc") == ("partial" if out > 1 else "none")
        self.warning = str(hand.world.desk.open_warning)
        self.orders = 0

    def keep(self, made: County) -> County:
        self.known[made.hash] = made
        return made

    def become(self, made: County, *, pin: bool = True, whole: bool = True) -> None:
        """As a restart does it; ``whole`` false: as a restart of before did it."""
        self.keep(made)
        self.step(Reconfigured(made.hash, pin=pin, whole=pin and whole), Started(2), Tick())

    def step(self, *given: Input) -> None:
        for one in given:
            hand = self.hand
            hand.effects += worlds.step(hand.world, hand.now, one, self.known.__getitem__)
            hand.inputs.append((hand.now, one))

    def order(self, verb: Verb, target: str = "", *, account: str = "wang") -> str:
        """Give an order; what became of it."""
        self.give(verb, target, account=account)
        self.step(Tick())
        return self.outcomes()[-1]

    def give(self, verb: Verb, target: str = "", *, account: str = "wang") -> None:
        self.orders += 1
        command = Command(
            id=f"c{self.orders}",
            county=self.hand.world.county.register.county,
            tree=self.hand.world.county.bundle.tree,
            account=account,
            verb=verb,
            target=target or self.warning,
            at_ms=self.hand.now,
        )
        row = Row("office", "command", 1, self.orders, self.orders)
        self.step(OfficeCommand(row, command, account))

    def outcomes(self) -> list[str]:
        return [one.decision.outcome for one in self.hand.notices() if one.decision is not None]

    def later(self) -> None:
        self.hand.pass_s(200)

    @property
    def rules(self) -> tuple[str, str]:
        """By which the warning is judged, and which are in force."""
        held = board(self.hand.world, self.hand.now)["standing"]
        return held["rules"], held["rules_in_force"]


def test_a_warning_keeps_its_rules_and_the_register_moves_on() -> None:
    scene = Scene()
    hand = scene.hand
    before = scene.rules
    assert before[0] == before[1] != ""
    scene.become(county(reg(5), policy=STRICT))
    scene.later()
    assert hand.impact("cmcc") == "partial"
    assert "cmcc-d5" in hand.world.county.devices
    assert scene.rules[0] == before[0] != scene.rules[1]
    (pinned,) = hand.records("pinned")
    assert pinned["warning"] == scene.warning
    assert "仍按规则版本" in standing_remarks(hand.world, hand.now)[0].zh
    assert scene.order(Verb.ADOPT, account="li") == "no_role"
    assert scene.order(Verb.ADOPT, "W-20200101-001") == "unknown_target"
    assert scene.order(Verb.ADOPT) == "accepted"
    scene.later()
    assert hand.impact("cmcc") == "full"
    assert scene.rules[0] == scene.rules[1] != before[0]
    (moved,) = hand.records("rules")
    assert (moved["by"], moved["warning"]) == ("wang", scene.warning)
    assert scene.order(Verb.ADOPT) == "nothing_new"
    assert hand.world.desk.open_warning == scene.warning


def test_the_next_warning_is_judged_by_the_newest() -> None:
    scene = Scene()
    hand = scene.hand
    old = scene.rules[0]
    scene.become(county(reg(), policy=STRICT), whole=False)  # as in journals of before
    assert scene.order(Verb.WITHDRAW) == "accepted"
    scene.later()
    assert hand.world.county is hand.world.newest
    assert hand.impact("cmcc") == "full"
    assert hand.world.desk.open_warning not in {None, scene.warning}
    assert scene.rules[0] == scene.rules[1] != old


def test_the_next_warning_of_the_same_incident_keeps_its_rules() -> None:
    scene = Scene()
    hand = scene.hand
    old = scene.rules[0]
    scene.become(county(reg(), policy=STRICT))
    assert scene.order(Verb.WITHDRAW) == "accepted"
    scene.later()
    assert hand.impact("cmcc") == "partial"
    for operator in ("cucc", "ctcc", "tower"):
        hand.looks(Outcome.NO_ANSWER, *devices(operator, 1, 2))
    hand.pass_s(600)
    assert hand.world.desk.open_warning not in {None, scene.warning}
    assert scene.rules[0] == old != scene.rules[1]


def incident() -> Scene:
    """One device of ten does not answer: an incident, and no warning."""
    scene = Scene(sites=40, out=1)
    assert scene.warning == "None"
    return scene


def running(scene: Scene) -> str:
    found = scene.hand.world.desk._state.incident
    return found.id if found else ""


def test_an_incident_without_a_warning_keeps_its_rules_until_it_is_over() -> None:
    scene = incident()
    hand = scene.hand
    old = hand.world.county.rules
    scene.become(county(reg(40), policy=STRICT))
    (pinned,) = hand.records("pinned")
    assert (pinned["warning"], pinned["incident"]) == (None, running(scene))
    scene.later()
    assert hand.world.county.rules == old != hand.world.newest.rules
    assert running(scene) in standing_remarks(hand.world, hand.now)[0].zh
    assert board(hand.world, hand.now)["rules"]["keeps"] == running(scene)
    hand.looks(Outcome.MEASURED, "cmcc-d1")
    hand.pass_s(7200)
    assert running(scene) == ""
    assert hand.world.county is hand.world.newest
    assert board(hand.world, hand.now)["rules"]["keeps"] == ""


def test_a_person_moves_a_running_incident_to_the_rules_in_force() -> None:
    scene = incident()
    hand = scene.hand
    scene.become(county(reg(40), policy=STRICT))
    assert scene.order(Verb.ADOPT, "E-20200101-001") == "unknown_target"
    assert scene.order(Verb.ADOPT, running(scene), account="li") == "no_role"
    assert scene.order(Verb.ADOPT, running(scene)) == "accepted"
    assert hand.world.county is hand.world.newest
    (moved,) = hand.records("rules")
    assert (moved["by"], moved["warning"], moved["incident"]) == ("wang", None, running(scene))
    assert (moved["was"] != moved["rules"], moved["rules"]) == (True, hand.world.newest.rules)
    scene.become(county(reg(41), policy=STRICT))
    assert hand.world.county is hand.world.newest
    assert scene.order(Verb.ADOPT, running(scene)) == "nothing_new"
    assert "已按现行规则研判，没有更新的规则版本" in hand.notices()[-1].text.zh


def test_an_incident_of_a_journal_of_before_follows_at_once() -> None:
    scene = incident()
    scene.become(county(reg(40), policy=STRICT), whole=False)
    assert scene.hand.world.county is scene.hand.world.newest


def test_an_incident_that_begins_under_pinned_rules_keeps_them_too() -> None:
    scene = Scene()
    hand = scene.hand
    scene.become(county(reg(), policy=STRICT))
    hand.looks(Outcome.MEASURED, *devices("cmcc", 1, 2))
    hand.pass_s(7200)
    assert running(scene) == ""
    assert hand.world.desk.open_warning == scene.warning
    hand.looks(Outcome.NO_ANSWER, "cucc-d1")
    hand.pass_s(300)
    assert running(scene)
    assert scene.order(Verb.WITHDRAW) == "accepted"
    scene.later()
    assert hand.world.county is not hand.world.newest


def test_thresholds_of_profiles_are_of_the_rules() -> None:
    """A profile's edit changes nothing of what is going on, and is written down."""
    scene = incident()
    hand = scene.hand
    old = hand.world.county
    profile = old.bundle.profiles[0]
    renamed = profile.model_copy(update={"title": f"{profile.title} (2)"})
    bundle = old.bundle.model_copy(update={"profiles": (renamed, *old.bundle.profiles[1:])})
    scene.become(County(bundle))
    assert hand.world.county.profiles == old.profiles
    assert hand.world.newest.profiles != old.profiles
    changed: Any = hand.records("configuration")[-1]
    assert changed["changes"]["profiles"]["changed"]["ids"] == [profile.id]
    assert changed["unsigned"] is True
    act = hand.world.desk.act
    assert act is not None
    assert (act.parts, act.by, act.at_ms) == (("profiles",), "", changed["at_ms"])
    assert scene.order(Verb.ADOPT, running(scene)) == "accepted"
    assert hand.world.county.profiles == hand.world.newest.profiles


def test_back_to_the_old_rules_there_is_nothing_to_adopt() -> None:
    scene = Scene()
    first = scene.hand.world.county
    scene.become(county(reg(), policy=STRICT))
    scene.become(first)
    assert scene.hand.world.county.hash == first.hash
    assert scene.order(Verb.ADOPT) == "nothing_new"


def test_rules_that_are_the_same_pin_nothing() -> None:
    scene = Scene()
    scene.become(county(reg(5)))
    assert not scene.hand.records("pinned")
    assert scene.hand.world.county is scene.hand.world.newest


def test_a_journal_of_before_replays_as_it_was_and_one_of_now_with_its_pin() -> None:
    assert encode_input(Reconfigured("x"))[1] == b'{"config_hash":"x"}'
    for pin in (False, True):
        assert decode_input(*encode_input(Reconfigured("x", pin=pin))) == Reconfigured("x", pin=pin)
        scene = Scene()
        scene.become(county(reg(5), policy=STRICT), pin=pin)
        scene.later()
        assert scene.hand.impact("cmcc") == ("partial" if pin else "full")
        first, now_ms = next(iter(scene.known.values())), scene.hand.inputs[0][0]
        again = worlds.new(first, store=1, now_ms=now_ms)
        for now_ms, given in scene.hand.inputs:
            worlds.step(again, now_ms, decode_input(*encode_input(given)), scene.known.__getitem__)
        assert worlds.state_hash(again) == worlds.state_hash(scene.hand.world)


def test_a_snapshot_keeps_the_pin() -> None:
    scene = Scene()
    scene.become(county(reg(5), policy=STRICT))
    scene.later()
    world = scene.hand.world
    scene.keep(world.county)  # as the store does before the first turn is committed
    raw = worlds.dump(world)
    again = worlds.load(raw, scene.known.__getitem__)
    assert worlds.dump(again) == raw
    assert (again.county.hash, again.newest.hash) == (world.county.hash, world.newest.hash)
    scene.hand.world = again
    assert scene.order(Verb.ADOPT) == "accepted"
    assert again.county is again.newest


# ── F24: an acknowledgement and its reminder at one moment ───────────────────────────────────────


def waiting(scene: Scene) -> Notice:
    """The only notice that waits for an acknowledgement; time stands at its reminder."""
    desk = scene.hand.world.desk
    drafted = [n for n in scene.hand.notices() if n.notice_kind is NoticeKind.WARNING_DRAFT][-1]
    for one in [one.notice for one in desk._state.awaiting if one.notice != drafted.id]:
        assert scene.order(Verb.ACK, one, account="li") == "accepted"
    while not any(n.notice_kind is NoticeKind.REMINDER for n in scene.hand.notices()):
        due = desk._remind_at()
        assert due is not None
        nearest = scene.hand.world.next_deadline()
        assert nearest is not None
        if nearest >= due:
            scene.hand.now = due
            return drafted
        scene.hand.now = nearest
        scene.step(Tick())
    raise AssertionError("the reminder went before its time")


def race(*, ack_first: bool) -> tuple[Scene, list[str]]:
    """Both at one moment; then an hour passes. The order in which both were written down."""
    scene = Scene()
    drafted = waiting(scene)
    before = len(scene.hand.effects)
    if ack_first:
        scene.give(Verb.ACK, drafted.id, account="li")
        scene.step(Tick())
    else:
        scene.step(Tick())
        scene.give(Verb.ACK, f"N-{scene.hand.world.desk.last_number:06d}", account="li")
        scene.step(Tick())
    kinds = [
        one.kind
        for one in scene.hand.effects[before:]
        if isinstance(one, Record) and one.kind in {"command", "reminder"}
    ]
    scene.hand.pass_s(3600)
    return scene, kinds


@pytest.mark.parametrize("ack_first", [True, False])
def test_whichever_comes_first_wins_and_both_are_written_down(*, ack_first: bool) -> None:
    scene, kinds = race(ack_first=ack_first)
    reminders = [n for n in scene.hand.notices() if n.notice_kind is NoticeKind.REMINDER]
    assert set(scene.outcomes()) == {"accepted"}
    assert (("reminder" in kinds), len(reminders)) == ((False, 0) if ack_first else (True, 1))
    assert kinds[0] == ("command" if ack_first else "reminder")
    twin, _ = race(ack_first=ack_first)
    assert worlds.state_hash(twin.hand.world) == worlds.state_hash(scene.hand.world)
    assert [n.number for n in twin.hand.notices()] == [n.number for n in scene.hand.notices()]


# ── F25: the end of something whose beginning was never told ─────────────────────────────────────


BEGUN = {NoticeKind.INCIDENT, NoticeKind.WARNING_DRAFT, NoticeKind.LEVEL_DRAFT}


@pytest.mark.parametrize("sites", [4, 40])
@pytest.mark.parametrize("lasts_s", [200, 300, 590, 900])
def test_no_recovery_stands_alone(sites: int, lasts_s: int) -> None:
    """The flood limit holds the beginning back: told with its end, before it, or neither is."""
    hand = Hand.of(county(reg(sites)))
    hand.everyone()
    desk: Desk = hand.world.desk
    desk._state.recent = [hand.now] * desk._charter.clocks.flood_most
    hand.looks(Outcome.NO_ANSWER, "cmcc-d1")
    hand.pass_s(lasts_s)
    hand.looks(Outcome.MEASURED, "cmcc-d1")
    hand.pass_s(7200)
    kinds = [notice.notice_kind for notice in hand.notices()]
    begun = [number for number, kind in enumerate(kinds) if kind in BEGUN]
    over = [number for number, kind in enumerate(kinds) if kind is NoticeKind.RECOVERY]
    assert bool(begun) == bool(over)
    assert not begun or begun[0] < over[0]
    events = [one["event"] for one in hand.records("incident")]
    assert events == ["opened", "closed" if begun else "never_told"]


# ── F16: clocks that were never set ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("at_ms", "mark"), [(0, Stamp.PAST), (2_145_916_800_000, Stamp.FUTURE)])
def test_stamps_of_1970_and_2038_are_kept_and_marked_and_rules_go_by_arrival(
    at_ms: int, mark: Stamp
) -> None:
    hand = Hand.of(county(reg()))
    hand.everyone()

    def wrong(device: str, outcome: Outcome) -> Received:
        items = [
            Look(device=device, method=method, outcome=outcome, since_ms=at_ms, at_ms=at_ms)
            for method in Method
        ]
        value = Reading(device=device, metric="m", instance="", value=1, at_ms=at_ms)
        return hand.say("agent-cmcc", *items, value)

    hand.turn(*(wrong(device, Outcome.NO_ANSWER) for device in devices("cmcc", 1, 2)))
    row = hand.world.state.devices["cmcc-d1"]
    view = row.views["agent-cmcc"]
    assert {(look.at_ms, look.stamp) for look in view.looks.values()} == {(at_ms, mark)}
    reading = row.readings["m|"]
    assert (reading.at_ms, reading.stamp, reading.arrived_ms) == (at_ms, mark, hand.now)
    assert hand.impact("cmcc") == "none"  # the holds have only begun, whatever the stamps say
    hand.pass_s(600)
    assert hand.impact("cmcc") == "partial"
    assert row.alarms["device-unreachable|"].since_ms == reading.arrived_ms
    assert board(hand.world, hand.now)["sources"]["agent-cmcc"]["bad_stamps"] == 6
