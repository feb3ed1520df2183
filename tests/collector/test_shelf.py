"""Shelving, closing and purging in the World (RFC 8632): what is hidden, and what never is."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from collector import shelf as shelves
from collector import world as worlds
from collector.condition import MOST_CHANGES
from collector.model import OfficeCommand, Reconfigured, Row
from collector.state import CODEC
from escalation.effects import EmitNotice
from tests.collector.small import Hand, county, devices
from tests.collector.test_maintenance import HOUR, made, say, told, window
from wire.alarm import AlarmAction, AlarmVerb
from wire.notice import Command, Notice, NoticeKind, Verb
from wire.observation import Outcome

DOWN = "cmcc-d5|device-unreachable|"


def shelve(hand: Hand, *alarms: str, who: str = "zhao", valid_s: int | None = None) -> str:
    names = alarms or (DOWN,)
    return say(
        hand,
        AlarmVerb.SHELVE,
        who,
        alarms=names,
        name="机房搬迁",
        text="已知，待拆除",
        valid_s=valid_s,
    )


def down(hand: Hand, *names: str) -> None:
    hand.looks(Outcome.NO_ANSWER, *(names or ("cmcc-d5",)))
    hand.pass_s(400)


def test_a_shelved_alarm_makes_no_notice_and_goes_on_being_judged() -> None:
    hand = made()
    assert shelve(hand, valid_s=HOUR) == "accepted"
    down(hand)
    row = hand.world.state.devices["cmcc-d5"]
    assert row.alarms["device-unreachable|"].active
    assert hand.world.tally.quiet_devices == {"cmcc-d5": "shelved"}
    assert hand.world.tally.quiet_sites == {"cmcc-s5": "shelved"}
    # 5 % of its operator's sites: what is true does not change, and is told.
    assert hand.world.tally.operators["cmcc"].out == 1
    assert hand.impact("cmcc") == "partial"


def test_the_impact_of_what_is_shelved_is_told_and_the_site_itself_is_not() -> None:
    hand = Hand.of(county(made().world.county.register))
    hand.everyone()
    assert shelve(hand, "tower-d5|device-unreachable|", "tower-d6|temperature-high|") == "accepted"
    hand.turn(hand.reading("tower-d6", "temperature", 50))
    hand.pass_s(300)
    assert hand.notices() == []
    down(hand, "tower-d5")
    (incident,) = told(hand, NoticeKind.INCIDENT)
    assert (incident.sites, incident.devices) == ((), ())
    assert incident.verdict is not None
    assert incident.verdict.operators["tower"] == "partial"


def test_a_shelf_that_expires_says_so_once_and_the_alarm_counts_again() -> None:
    hand = made()
    shelve(hand, DOWN, "cmcc-d6|device-unreachable|", valid_s=HOUR)
    down(hand)
    hand.pass_s(HOUR)
    (over,) = told(hand, NoticeKind.HEALTH)
    assert over.subject.zh == "告警搁置“机房搬迁”到期，仍有1项未恢复"
    assert "cmcc站5主机「设备不可达」" in over.text.zh
    assert hand.world.state.hush.shelf == {}
    assert hand.world.tally.quiet_sites == {}
    assert any("cmcc-s5" in {s.site for s in one.sites} for one in hand.notices())


def test_a_person_takes_it_off_the_shelf() -> None:
    hand = made()
    shelve(hand)
    assert say(hand, AlarmVerb.UNSHELVE, alarms=(DOWN,)) == "accepted"
    assert say(hand, AlarmVerb.UNSHELVE, alarms=(DOWN,)) == "unknown_target"
    hand.pass_s(2 * 86_400, step_s=7200)
    assert [one for one in told(hand, NoticeKind.HEALTH) if "搁置" in one.subject.zh] == []


@pytest.mark.parametrize(
    ("alarms", "fields", "outcome"),
    [
        (("cmcc-d1|device-unreachable|",), {}, "key_unit"),
        ((DOWN, "cmcc-d1|device-unreachable|"), {}, "key_unit"),
        ((DOWN,), {"valid_s": 8 * 86_400}, "too_long"),
        (("nowhere|device-unreachable|", "cmcc-d5|no-such-type|"), {}, "unknown_target"),
        ((DOWN, "nix|"), {}, "unknown_target"),
        ((DOWN,), {"who": "wu"}, "no_role"),
    ],
)
def test_refused_by_name_and_as_a_whole(
    alarms: tuple[str, ...], fields: dict[str, object], outcome: str
) -> None:
    hand = made()
    assert shelve(hand, *alarms, **fields) == outcome  # type: ignore[arg-type]
    assert hand.world.state.hush.shelf == {}


def test_shelved_alarms_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelves, "MOST", 2)
    hand = made()
    names = [f"{device}|device-unreachable|" for device in devices("cmcc", 5, 6, 7)]
    assert shelve(hand, *names) == "too_much"
    assert shelve(hand, *names[:2]) == "accepted"
    assert shelve(hand, names[2]) == "too_much"


def test_a_site_that_becomes_a_key_unit_leaves_the_shelf_and_the_window() -> None:
    hand = made()
    shelve(hand)
    register = hand.world.county.register
    sites = tuple(
        one.model_copy(update={"key_unit": one.id == "cmcc-s5"}) for one in register.sites
    )
    again = county(register.model_copy(update={"sites": sites}))
    worlds.step(hand.world, hand.now, Reconfigured(again.hash), lambda _: again)
    hand.pass_s(120)
    assert hand.world.state.hush.shelf == {}
    assert [one.subject.zh for one in told(hand, NoticeKind.HEALTH)] == [
        "告警搁置“机房搬迁”到期，均已正常"
    ]


def test_a_closed_alarm_is_open_again_when_it_is_raised_anew() -> None:
    hand = made()
    down(hand)
    assert say(hand, AlarmVerb.CLOSE, alarms=(DOWN,), text="已派修") == "accepted"
    care = hand.world.state.cares[DOWN]
    assert care.closed
    assert care.closed.account == "zhao"
    assert say(hand, AlarmVerb.ACK, alarms=(DOWN,)) == "accepted"
    assert hand.world.state.cares[DOWN].closed is None  # one operator state at a time
    say(hand, AlarmVerb.CLOSE, alarms=(DOWN,))
    hand.looks(Outcome.MEASURED, "cmcc-d5")
    hand.pass_s(300)
    down(hand)
    say(hand, AlarmVerb.NOTE, alarms=(DOWN,), text="又断")
    assert hand.world.state.cares[DOWN].closed is None


def test_an_alarm_keeps_its_last_changes_and_no_more() -> None:
    hand = made()
    for n in range(2 * MOST_CHANGES):
        hand.turn(hand.reading("cmcc-d5", "temperature", 50 if n % 2 == 0 else 20))
        hand.pass_s(1800, step_s=1800)
    alarm = hand.world.state.devices["cmcc-d5"].alarms["temperature-high|"]
    assert len(alarm.changes) == MOST_CHANGES
    assert [one.word for one in alarm.changes[-2:]] == ["raised", "cleared"]
    assert alarm.changes[-2].said == "temperature=50"
    assert alarm.changes[-1].severity == "minor"
    assert hand.records("flapping") == []


def test_cleared_alarms_are_purged_after_their_time_or_by_a_word() -> None:
    hand = made()
    for device in ("cmcc-d5", "cmcc-d6"):
        down(hand, device)
        hand.looks(Outcome.MEASURED, device)
        hand.pass_s(300)
    rows = hand.world.state.devices
    assert say(hand, AlarmVerb.PURGE, alarms=(DOWN,)) == "accepted"
    assert set(rows["cmcc-d5"].alarms) == {"snmp-failure|"}
    assert say(hand, AlarmVerb.PURGE, alarms=(DOWN,)) == "unknown_target"
    assert say(hand, AlarmVerb.PURGE, older_s=HOUR) == "unknown_target"  # not so old yet
    assert rows["cmcc-d6"].alarms
    hand.pass_s(7 * 86_400 - 700, step_s=7200)
    assert rows["cmcc-d6"].alarms
    hand.pass_s(800, step_s=7200)
    assert rows["cmcc-d6"].alarms == {}


def test_a_raised_alarm_is_never_purged() -> None:
    hand = made()
    down(hand)
    assert say(hand, AlarmVerb.PURGE, alarms=(DOWN,)) == "unknown_target"
    hand.pass_s(8 * 86_400, step_s=86_400)
    assert hand.world.state.devices["cmcc-d5"].alarms


def test_alarms_of_an_older_snapshot_are_purged_too() -> None:
    """Their timers are wound when it is read: a snapshot of before had none."""
    hand = made()
    down(hand)
    hand.looks(Outcome.MEASURED, "cmcc-d5")
    hand.pass_s(300)
    raw = worlds.dump(hand.world).replace(b'"purge"', b'"of-old"')
    again = worlds.load(raw, lambda _: hand.world.county)
    kept = [key for _, key in again.timers.rows() if key.kind == "purge"]
    assert {(key.a, key.b) for key in kept} == {
        ("cmcc-d5", "device-unreachable"),
        ("cmcc-d5", "snmp-failure"),
    }
    assert CODEC.dump_json(again.state) == CODEC.dump_json(hand.world.state)


def test_an_offices_order_on_alarms_is_answered_like_every_order() -> None:
    hand = made()
    for seq, (device, outcome) in enumerate((("cmcc-d5", "accepted"), ("cmcc-d1", "key_unit")), 1):
        same: dict[str, Any] = {
            "id": f"c-{seq}",
            "county": "140522",
            "tree": "live",
            "account": "zhao",
        }
        word = AlarmAction(
            **same, at_ms=hand.now, verb=AlarmVerb.SHELVE,
            alarms=(f"{device}|device-unreachable|",), name="搬迁", text="待拆除", valid_s=HOUR,
        )  # fmt: skip
        order = Command(**same, at_ms=hand.now, verb=Verb.ALARM, target=device, word=word)
        effects = hand.turn(OfficeCommand(Row("office", "command", 1, seq), order, "zhao"))
        (notice,) = [one.notice for one in effects if isinstance(one, EmitNotice)]
        assert notice.decision is not None
        assert (notice.decision.outcome, notice.decision.accepted) == (outcome, seq == 1)
    assert "重点单位" in notice.text.zh
    first = hand.notices()[0]
    assert first.subject.zh == "决定：搁置1条告警"
    assert "理由：待拆除" in first.text.zh
    assert list(hand.world.state.hush.shelf) == [DOWN]


@pytest.mark.parametrize(
    ("alarm", "zh", "en"),
    [
        ("nix|", "没有设备 nix", "there is no device nix"),
        ("cmcc-d55|device-unreachable|", "是不是 cmcc-d5", "did you mean cmcc-d5"),
        ("cmcc站5主机|x|", "没有设备 cmcc站5主机，是不是 cmcc-d5", "no device"),
        (
            "cmcc-d5|device-unreachabel|",
            "没有告警类型 device-unreachabel，是不是 cmcc-d5|device-unreachable",
            "no type of alarm",
        ),
        ("cmcc-d5|", "没有告警类型 cmcc-d5|，是不是 cmcc-d5|device-unreachable", "did you mean"),
        (
            "cmcc-d1|device-unreachable|",
            "cmcc-d1（cmcc站1） 属重点单位，预案不允许搁置",
            "key unit",
        ),
    ],
)
def test_a_refused_shelf_names_what_was_meant(alarm: str, zh: str, en: str) -> None:
    hand = made()
    notice = order(hand, AlarmVerb.SHELVE, alarms=(DOWN, alarm), name="搬迁")
    assert zh in notice.text.zh
    assert en in notice.text.en
    assert hand.world.state.hush.shelf == {}


@pytest.mark.parametrize(
    ("target", "zh"),
    [
        ("site:cmcc-s1", "site:cmcc-s1 全属重点单位，预案不允许静默（6.3）"),
        ("device:cmcc-d1", "device:cmcc-d1 全属重点单位"),
        ("site:cmcc-s55", "没有站点 cmcc-s55，是不是 cmcc-s5"),
        ("operator:cmc", "没有企业 cmc，是不是 cmcc"),
        ("operator:cmcc/140522999", "没有乡镇 140522999，是不是 1405"),
        ("device:nix", "没有设备 nix"),
    ],
)
def test_a_refused_window_names_what_was_meant(target: str, zh: str) -> None:
    """All of a key unit: it would cover nothing, and whoever works there would believe it did."""
    hand = made()
    notice = order(hand, AlarmVerb.MAINTAIN, alarms=(), window=window(hand, target))
    assert zh in notice.text.zh
    assert hand.world.state.hush.windows == {}


def test_decisions_on_windows_and_shelves_carry_the_open_warning() -> None:
    """So does a refusal: whoever reads it sees what is going on."""
    hand = made()
    for name in devices("cmcc", 5, 6, 7, 8):
        down(hand, name)
    warning = hand.world.desk.open_warning
    assert warning
    done = order(hand, AlarmVerb.SHELVE, name="搬迁")
    refused = order(hand, AlarmVerb.SHELVE, alarms=("nix|",), name="搬迁", seq=2)
    entered = window(hand, "site:cmcc-s9")
    window_ = order(hand, AlarmVerb.MAINTAIN, alarms=(), window=entered, seq=3)
    for notice in (done, refused, window_):
        assert f"预警 {warning}：" in notice.text.zh
        assert notice.warning_id == warning


def order(hand: Hand, verb: AlarmVerb, *, seq: int = 1, **fields: Any) -> Notice:
    """An office's order on alarms or windows, and what it is answered."""
    same: dict[str, Any] = {
        "id": f"c-{seq}",
        "county": "140522",
        "tree": "live",
        "account": "zhao",
        "at_ms": hand.now,
    }
    word = AlarmAction(**same, verb=verb, text="工单", **{"alarms": (DOWN,), **fields})
    said = Command(**same, verb=Verb.ALARM, target="x", word=word)
    effects = hand.turn(OfficeCommand(Row("office", "command", 1, seq), said, "zhao"))
    found = (one.notice for one in effects if isinstance(one, EmitNotice))
    return next(one for one in found if one.decision is not None)


def test_a_command_and_its_word_are_one_persons() -> None:
    same: dict[str, Any] = {"county": "140522", "tree": "live", "at_ms": 1}
    word = AlarmAction(**same, id="c-1", account="zhao", verb=AlarmVerb.ACK, alarms=(DOWN,))
    fields: dict[str, Any] = {**same, "target": "x", "verb": Verb.ALARM}
    Command(**fields, id="c-1", account="zhao", word=word)
    for wrong in (
        {"id": "c-2", "account": "zhao", "word": word},
        {"id": "c-1", "account": "li", "word": word},
        {"id": "c-1", "account": "zhao"},
        {"id": "c-1", "account": "zhao", "word": word, "verb": Verb.ACK},
    ):
        with pytest.raises(ValidationError):
            Command(**{**fields, **wrong})
