"""A technician's word on alarms: who may, what it changes, when it is forgotten."""

from __future__ import annotations

from itertools import count

import pytest

from collector import care
from collector import world as worlds
from collector.model import AlarmSaid
from config.register import Person
from escalation.effects import Record
from tests.collector.small import T0, Hand, county, register
from wire.alarm import AlarmAction, AlarmVerb
from wire.observation import Outcome

ZHAO = Person(account="zhao", name="赵工", organ="移动公司", roles=("duty",), key="zhao")
ALARM = "cmcc-d1|device-unreachable|"
NUMBERS = count()


def hand() -> Hand:
    made = Hand.of(county(register(sites=2).model_copy(update={"people": (ZHAO,)})))
    made.everyone()
    down(made)
    return made


def down(made: Hand) -> None:
    made.looks(Outcome.NO_ANSWER, "cmcc-d1")
    made.pass_s(600)


def up(made: Hand) -> None:
    made.looks(Outcome.MEASURED, "cmcc-d1")
    made.pass_s(600)


def say(
    made: Hand,
    verb: AlarmVerb,
    *alarms: str,
    key: str = "zhao",
    account: str = "zhao",
    assignee: str | None = None,
    tree: str = "live",
    ident: str = "",
) -> str:
    action = AlarmAction(
        id=ident or f"a-{next(NUMBERS)}", county="140522", tree=tree, account=account, verb=verb,
        alarms=alarms or (ALARM,), text="已派人", assignee=assignee, at_ms=T0,
    )  # fmt: skip
    effects = made.turn(AlarmSaid(action, key))
    record = next(e for e in effects if isinstance(e, Record) and e.kind == "alarm_action")
    return str(record.data["outcome"])


def test_acknowledge_note_assign_and_take_back() -> None:
    made = hand()
    assert say(made, AlarmVerb.ACK) == "accepted"
    assert say(made, AlarmVerb.ASSIGN, assignee="zhao") == "accepted"
    care = made.world.state.cares[ALARM]
    assert care.acked
    assert care.acked.account == "zhao"
    assert care.assignee == "zhao"
    assert [note.verb for note in care.notes] == ["ack", "assign"]
    assert say(made, AlarmVerb.UNACK) == "accepted"
    assert made.world.state.cares[ALARM].acked is None
    alarm = made.world.state.devices["cmcc-d1"].alarms["device-unreachable|"]
    assert alarm.active  # whoever cares for it, it is there


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"key": "li"}, "wrong_key"),
        ({"account": "nobody"}, "unknown_account"),
        ({"tree": "drill-1"}, "wrong_county"),
        ({"assignee": "nobody"}, "unknown_target"),
    ],
)
def test_refused_by_name(change: dict[str, str], outcome: str) -> None:
    made = hand()
    assert say(made, AlarmVerb.ACK, **change) == outcome
    assert not made.world.state.cares


def test_an_alarm_that_is_none_is_refused_and_a_mixed_list_does_what_it_can() -> None:
    made = hand()
    assert say(made, AlarmVerb.ACK, "cmcc-d2|device-unreachable|") == "unknown_target"
    assert say(made, AlarmVerb.ACK, "nowhere|x|", ALARM) == "accepted"
    assert set(made.world.state.cares) == {ALARM}


def test_an_alarm_that_comes_again_has_to_be_acknowledged_again() -> None:
    made = hand()
    say(made, AlarmVerb.ACK)
    up(made)
    down(made)
    assert say(made, AlarmVerb.NOTE) == "accepted"
    care = made.world.state.cares[ALARM]
    assert care.acked is None
    assert len(care.notes) == 1


def test_it_survives_a_restart_and_a_replay() -> None:
    made = hand()
    say(made, AlarmVerb.ACK)
    resolve = {made.world.county.hash: made.world.county}.__getitem__
    again = worlds.load(worlds.dump(made.world), resolve)
    assert again.state.cares == made.world.state.cares
    folded = worlds.new(made.world.county, store=1, now_ms=T0)
    for at_ms, given in made.inputs:
        worlds.step(folded, at_ms, given)
    assert worlds.state_hash(folded) == worlds.state_hash(made.world)


def test_a_word_counts_once_however_often_it_is_sent() -> None:
    """Caught and sent again, an old acknowledgement would quiet the next raise."""
    made = hand()
    assert say(made, AlarmVerb.ACK, ident="a-once") == "accepted"
    assert say(made, AlarmVerb.NOTE, ident="a-note") == "accepted"
    assert say(made, AlarmVerb.NOTE, ident="a-note") == "accepted"
    assert [note.verb for note in made.world.state.cares[ALARM].notes] == ["ack", "note"]
    up(made)
    down(made)
    assert say(made, AlarmVerb.ACK, ident="a-once") == "accepted"  # what became of it then
    care_now = made.world.state.cares.get(ALARM)
    alarm = made.world.state.devices["cmcc-d1"].alarms["device-unreachable|"]
    assert care_now is None or care_now.since_ms != alarm.since_ms


def test_words_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(care, "MOST_REMEMBERED", 3)
    made = hand()
    for _ in range(6):
        say(made, AlarmVerb.NOTE)
    assert len(made.world.state.words) == 3
