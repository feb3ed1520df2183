from pathlib import Path

import pytest

from config.faults import ConfigError
from drill import story
from drill.county import County
from drill.grow import generate
from drill.story import Story
from wire.notice import NoticeKind

GOOD = """
id = "tiny"
lasts = "0:30"
title = { zh = "小", en = "small" }
about = { zh = "小", en = "small" }
"""


@pytest.fixture(scope="module")
def county() -> County:
    return generate(1)


def read(tmp_path: Path, county: County, text: str) -> Story:
    path = tmp_path / "story.toml"
    path.write_text(text, encoding="utf-8")
    return story.load(path, county)


@pytest.mark.parametrize("name", story.names())
def test_shipped_stories_are_sound(name: str, county: County) -> None:
    told = story.load(story.path_of(name), county)
    assert told.id == name
    assert any(step.expect for step in told.steps)
    assert any(step.equipment or step.agents for step in told.steps)


def test_the_four_stories_are_there() -> None:
    assert story.names() == ["blackout", "flap-storm", "power-cut", "silent-agent"]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ('equipment = [{ do = "kil", devices = ["x"] }]', "do"),
        ('equipment = [{ do = "kill", devices = ["cmcc-runcheng-hub-ruter"] }]', "did you mean"),
        ('equipment = [{ do = "mains-off", town = ["runcheng"] }]', "town"),
        ('agents = [{ do = "kill", agent = "ctc" }]', '"ctcc"'),
        ('people = { account = "duti", verb = "ack" }', '"duty"'),
        ('people = { account = "duty", verb = "ack", on = "warning_draf" }', '"warning_draft"'),
        ('expect = { notice = "warning" }', "notice"),
        ('expect = { operators = { cmc = "full" } }', '"cmcc"'),
        ('say = { zh = "空", en = "empty" }', "one of equipment, agents, people, expect"),
        (
            'expect = { most = 1 }\nagents = [{ do = "kill", agent = "ctcc" }]',
            "this is agents, expect",
        ),
        ('within = "3 h"\nexpect = { most = 1 }', "within"),
    ],
)
def test_every_way_to_be_wrong_is_named(
    tmp_path: Path, county: County, step: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, county, f'{GOOD}[[steps]]\nat = "0:05"\n{step}\n')
    assert said in str(caught.value)
    assert "story.toml:" in str(caught.value)


def test_all_faults_at_once_with_their_lines(tmp_path: Path, county: County) -> None:
    bad = '[[steps]]\nat = "0:05"\nagents = [{ do = "kill", agent = "nobody" }]\n'
    late = '[[steps]]\nat = "1:05"\nexpect = { most = 0 }\n'
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, county, f"{GOOD}{bad}{late}")
    assert len(caught.value.faults) == 2
    assert [fault.line for fault in caught.value.faults] == [6, 9]


def test_an_unknown_story_is_named() -> None:
    with pytest.raises(ConfigError, match="power-cut"):
        story.path_of("power-cat")


@pytest.mark.parametrize(("text", "whole"), [("0:02", 120), ("1:00:05", 3605), ("100:00", 360_000)])
def test_times(text: str, whole: int) -> None:
    assert story.seconds(text) == whole
    assert story.seconds(story.clock(whole)) == whole


def test_notice_kinds_are_the_wires() -> None:
    assert {kind.value for kind in NoticeKind} >= {"warning_draft", "health", "recovery"}
