"""The shipped stories told to the World itself: plan and policy say what the stories expect."""

import pytest

from config.io.load import load_plan, load_policy, load_profiles
from drill import story
from drill.county import County
from drill.grow import generate
from drill.play import State
from drill.rehearse import Books, Rehearsal
from wire.notice import NoticeKind


@pytest.fixture(scope="module")
def county() -> County:
    return generate(1)


@pytest.fixture(scope="module")
def books() -> Books:
    return Books(load_plan(), load_policy(), tuple(load_profiles().values()))


def tell(name: str, county: County, books: Books) -> Rehearsal:
    rehearsal = Rehearsal(story.load(story.path_of(name), county), county, books)
    rehearsal.tell()
    return rehearsal


@pytest.mark.parametrize("name", story.names())
def test_every_step_comes_true(name: str, county: County, books: Books) -> None:
    rehearsal = tell(name, county, books)
    failed = [
        f"{story.clock(told.step.at)} {told.why}"
        for told in rehearsal.player.steps
        if told.state is not State.DONE
    ]
    assert not failed
    assert all(notice.notice_kind in NoticeKind for notice in rehearsal.notices)


def test_nothing_is_issued_or_lifted_by_itself(county: County, books: Books) -> None:
    """Every change of the warning's state beyond a draft answers a person's command."""
    rehearsal = tell("power-cut", county, books)
    states = [notice.decision.state for notice in rehearsal.notices if notice.decision]
    assert states == ["drafted", "drafted", "drafted", "proposed", "issued", "lifted"]


def test_the_county_is_whole_again_after_a_silent_agent(county: County, books: Books) -> None:
    rehearsal = tell("silent-agent", county, books)
    kinds = [notice.notice_kind for notice in rehearsal.notices]
    assert set(kinds) == {NoticeKind.HEALTH, NoticeKind.DECISION}
