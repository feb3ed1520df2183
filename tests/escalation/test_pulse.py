from __future__ import annotations

from escalation.pulse import Health, Pulse
from wire.presence import Heartbeat


def beat(at_ms: int, *, session: int = 1, every_ms: int = 30_000) -> Heartbeat:
    return Heartbeat(
        county="140522",
        at_ms=at_ms,
        session=session,
        every_ms=every_ms,
        notices_seq=0,
        journal_head="",
        warning="none",
        level="none",
    )


def health(pulse: Pulse) -> Health:
    return pulse.health


def test_ninety_seconds_without_a_word_are_unknown() -> None:
    pulse = Pulse(0)
    assert health(pulse) is Health.WAITING
    assert not pulse.due(89_999)
    assert pulse.due(90_000)
    assert health(pulse) is Health.UNKNOWN
    assert not pulse.due(90_001)
    assert pulse.deadline() is None


def test_three_missed_heartbeats_are_unknown_and_the_next_one_is_live_again() -> None:
    pulse = Pulse(0)
    assert pulse.heard(beat(1, every_ms=1000), 5000, retained=False)
    assert pulse.deadline() == 8000
    assert not pulse.heard(beat(2, every_ms=1000), 6000, retained=False)
    assert pulse.due(9000)
    assert pulse.heard(beat(3), 10_000, retained=False)
    assert health(pulse) is Health.LIVE


def test_a_retained_or_repeated_heartbeat_proves_nothing() -> None:
    pulse = Pulse(0)
    assert not pulse.heard(beat(5), 10, retained=True)
    assert health(pulse) is Health.WAITING
    assert not pulse.heard(beat(5), 20, retained=False)
    assert not pulse.heard(beat(4), 20, retained=False)
    assert health(pulse) is Health.WAITING
    assert pulse.heard(beat(6), 30, retained=False)


def test_a_county_whose_clock_went_back_is_heard_in_its_next_session() -> None:
    pulse = Pulse(0)
    pulse.heard(beat(1_000_000), 10, retained=False)
    pulse.due(10_000_000)
    assert pulse.heard(beat(5, session=2), 10_000_001, retained=False)
