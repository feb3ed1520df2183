"""The closing report as the last link: what it leaves out of the story is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from drill import story
from drill.closing import needed, untold
from drill.grow import generate
from drill.play import State, Told

REPORT: dict[str, Any] = {
    "state": "lifted",
    "orders": [
        {"account": "duty", "verb": "ack", "outcome": "accepted"},
        {"account": "duty", "verb": "issue", "outcome": "no_role"},
        {"account": "duty", "verb": "attest", "outcome": "accepted"},
        {"account": "duty", "verb": "propose", "outcome": "accepted"},
        {"account": "deputy", "verb": "issue", "outcome": "accepted"},
        {"account": "deputy", "verb": "lift", "outcome": "accepted"},
    ],
    "statements": [{"id": "ctcc", "source": "电信公司值班室"}],
    **{name: [{}] for name in ("steps", "sites", "networks", "notices")},
}


@pytest.fixture(scope="module")
def told() -> list[Told]:
    one = story.load(story.path_of("power-cut"), generate())
    return [Told(step, State.DONE) for step in one.steps]


def test_a_report_that_tells_the_story_is_whole(told: list[Told]) -> None:
    assert needed(told)
    assert not list(untold(REPORT, told))


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("state", "issued", "not lifted"),
        ("orders", REPORT["orders"][:-1], "deputy lift"),
        ("statements", [], "电信公司值班室"),
        ("notices", [], "notices"),
    ],
)
def test_what_it_leaves_out_is_named(
    told: list[Told], field: str, value: object, word: str
) -> None:
    report = copy.deepcopy(REPORT) | {field: value}
    assert any(word in one for one in untold(report, told))


def test_a_story_without_lifting_needs_none() -> None:
    one = story.load(story.path_of("silent-agent"), generate())
    assert not needed([Told(step) for step in one.steps])
