from typing import Any

import pytest

from drill.orders import Do, Order
from drill.play import Command, Player, State, kinds_heard, matches
from drill.story import Act, AgentDo, AgentOrder, Expect, Line, Step, Story
from wire.notice import Bilingual, Decision, DeviceFact, Notice, NoticeKind, Verb, Verdict

T0 = 1_700_000_000_000
MIN = 60_000
WORDS = Line(zh="小", en="small")


def story(*steps: Step) -> Story:
    return Story(id="tiny", title=WORDS, about=WORDS, lasts=3600, steps=steps)


def notice(minute: float, kind: NoticeKind = NoticeKind.WARNING_DRAFT, **more: Any) -> Notice:
    text = Bilingual(zh="预警草案", en="draft")
    return Notice(
        id=f"n{minute}-{kind}",
        number=1,
        county="140522",
        tree="live",
        notice_kind=kind,
        at_ms=T0 + round(minute * MIN),
        recipient="office",
        subject=text,
        text=text,
        **more,
    )


def verdict(**operators: str) -> Verdict:
    return Verdict(
        operators=operators,
        systems={},
        spread="no",
        warning="scenario2",
        level="II",
        warning_range=("scenario2", "scenario2"),
        level_range=("II", "II"),
        pending=False,
        literal_warning=True,
        literal_level=True,
        rules=(),
        clauses=(),
    )


def decided(command: str, verb: Verb, *, accepted: bool) -> Notice:
    decision = Decision(
        command=command,
        account="duty",
        verb=verb,
        target="w1",
        accepted=accepted,
        outcome="accepted" if accepted else "authority",
        state="issued",
    )
    return notice(9, NoticeKind.DECISION, decision=decision)


def test_equipment_and_agents_happen_at_their_time() -> None:
    kill = Order(do=Do.KILL, devices=("x",))
    gone = AgentOrder(do=AgentDo.KILL, agent="cmcc")
    player = Player(
        story(Step(at=60, equipment=(kill,)), Step(at=120, agents=(gone,))), start_ms=T0
    )
    assert player.turn(T0) == []
    assert player.next_ms() == T0 + MIN
    assert player.turn(T0 + MIN) == [kill]
    assert player.turn(T0 + MIN) == []
    assert player.turn(T0 + 5 * MIN) == [gone]
    assert player.over
    assert player.next_ms() is None


def test_an_expected_notice_comes_or_fails_at_the_end_of_its_window() -> None:
    expect = Step(at=60, within=600, expect=Expect(notice=NoticeKind.WARNING_DRAFT))
    player = Player(story(expect), T0)
    player.heard(notice(0.5))
    player.turn(T0 + 2 * MIN)
    assert not player.over, "it came before the window"
    assert player.next_ms() == T0 + 11 * MIN + 1
    player.heard(notice(3))
    player.turn(T0 + 4 * MIN)
    assert player.steps[0].state is State.DONE
    late = Player(story(expect), T0)
    late.turn(T0 + 12 * MIN)
    assert late.failed[0].why == "no such notice came in time"


def test_a_limit_holds_until_the_window_ends() -> None:
    step = Step(at=0, within=600, expect=Expect(notice=NoticeKind.WARNING_DRAFT, most=0))
    calm = Player(story(step), T0)
    calm.turn(T0 + MIN)
    assert not calm.over
    calm.turn(T0 + 11 * MIN)
    assert calm.steps[0].state is State.DONE
    flooded = Player(story(step), T0)
    flooded.heard(notice(1))
    flooded.turn(T0 + MIN)
    assert flooded.failed


def test_people_wait_for_their_turn_and_for_something_to_act_on() -> None:
    propose = Step(at=0, people=Act(account="duty", verb=Verb.PROPOSE))
    issue = Step(at=0, people=Act(account="deputy", verb=Verb.ISSUE))
    player = Player(story(propose, issue), T0)
    assert player.turn(T0) == []
    player.heard(notice(1, warning_id="w1"))
    first = player.turn(T0 + MIN)
    assert first == [Command(0, propose.people or issue.people, "w1")]  # type: ignore[arg-type]
    player.sent(0, "c1")
    assert player.turn(T0 + MIN) == []
    player.heard(decided("c1", Verb.PROPOSE, accepted=True))
    actions = player.turn(T0 + 2 * MIN)
    assert player.steps[0].state is State.DONE
    assert [action.number for action in actions if isinstance(action, Command)] == [1]
    player.sent(1, "c2")
    player.heard(decided("c2", Verb.ISSUE, accepted=False))
    player.turn(T0 + 3 * MIN)
    assert player.steps[1].state is State.FAILED


def test_a_refusal_that_was_meant_is_right() -> None:
    step = Step(at=0, people=Act(account="duty", verb=Verb.ISSUE, refused=True))
    player = Player(story(step), T0)
    player.heard(notice(0, warning_id="w1"))
    player.turn(T0)
    player.sent(0, "c1")
    player.heard(decided("c1", Verb.ISSUE, accepted=False))
    player.turn(T0)
    assert player.steps[0].state is State.DONE


def test_an_ack_goes_to_the_newest_notice_of_its_kind() -> None:
    act = Act(account="duty", verb=Verb.ACK, on="health")
    player = Player(story(Step(at=0, people=act)), T0)
    player.heard(notice(1, NoticeKind.HEALTH))
    player.heard(notice(2, NoticeKind.HEALTH))
    player.heard(notice(3))
    assert player.turn(T0) == [Command(0, act, "n2-health")]


def test_closing_fails_what_is_open_but_for_limits_that_held() -> None:
    player = Player(
        story(
            Step(at=0, expect=Expect(most=3)), Step(at=0, expect=Expect(notice=NoticeKind.RECOVERY))
        ),
        T0,
    )
    player.turn(T0)
    player.close(T0 + MIN, "stopped")
    assert [told.state for told in player.steps] == [State.DONE, State.FAILED]


@pytest.mark.parametrize(
    ("expect", "fits"),
    [
        (Expect(), True),
        (Expect(says="草案"), True),
        (Expect(says="恢复"), False),
        (Expect(warning="scenario2", level="II"), True),
        (Expect(level="I"), False),
        (Expect(operators={"cmcc": "partial"}), True),
        (Expect(operators={"cmcc": "full"}), False),
        (Expect(verb=Verb.ACK), False),
        (Expect(sites_min=1), False),
    ],
)
def test_matching(expect: Expect, *, fits: bool) -> None:
    assert matches(expect, notice(1, verdict=verdict(cmcc="partial", cucc="none"))) is fits


def test_counting_kinds() -> None:
    assert kinds_heard([notice(1), notice(2)]) == {NoticeKind.WARNING_DRAFT: 2}


def down(device: str) -> DeviceFact:
    facts = {"name": "路由器", "site": "s", "operator": "cmcc", "cause": "无应答"}
    return DeviceFact(device=device, state="down", since_ms=T0, **facts)


@pytest.mark.parametrize(
    ("expect", "devices", "kind"),
    [
        (Expect(hurt="r1"), ("r1",), NoticeKind.INCIDENT),
        (Expect(cause="应答"), ("r1",), NoticeKind.INCIDENT),
        (Expect(healed="r1"), ("r2",), NoticeKind.INCIDENT),
    ],
)
def test_what_a_notice_says_of_devices(
    expect: Expect, devices: tuple[str, ...], kind: NoticeKind
) -> None:
    assert matches(expect, notice(1, kind, devices=tuple(down(one) for one in devices)))


@pytest.mark.parametrize(
    ("expect", "devices", "kind"),
    [
        (Expect(hurt="r1"), ("r2",), NoticeKind.INCIDENT),
        (Expect(cause="停电"), ("r1",), NoticeKind.INCIDENT),
        (Expect(healed="r1"), ("r1",), NoticeKind.INCIDENT),
        (Expect(healed="r1"), (), NoticeKind.DECISION),  # it lists no devices at all
    ],
)
def test_what_it_does_not_say(expect: Expect, devices: tuple[str, ...], kind: NoticeKind) -> None:
    assert not matches(expect, notice(1, kind, devices=tuple(down(one) for one in devices)))
