from drill.chain import TITLES, Chain, Link
from wire.base import AgentId, OfficeId, OperatorId
from wire.topics import Topics

TOPICS = Topics("140522", "drill-x")


def agent(name: str, leaf: str) -> str:
    return TOPICS.agent(OperatorId(name), AgentId(name), leaf)


def test_links_are_told_once_per_agent() -> None:
    chain = Chain(TOPICS, frozenset({"cmcc", "cucc"}))
    assert chain.topic(agent("cmcc", "state"), 1.0) is Link.POLLED
    assert chain.topic(agent("cmcc", "state"), 2.0) is None
    assert chain.topic(agent("cucc", "state"), 3.0) is Link.POLLED
    assert chain.seen[Link.POLLED].count == 3
    assert chain.seen[Link.POLLED].first_s == 1.0
    assert chain.topic(agent("cmcc", "sample"), 1.0) is None
    assert chain.topic("somebody/else", 1.0) is None


def test_what_is_missing_is_named() -> None:
    chain = Chain(TOPICS, frozenset({"cmcc", "cucc"}))
    chain.topic(agent("cmcc", "birth"), 1.0)
    assert not chain.ready()
    said = chain.missing((Link.BORN, Link.BEATING))
    assert "cucc" in said[0]
    assert "cmcc" not in said[0]
    assert said[1].endswith("beating")


def test_office_topics_are_the_notices_way() -> None:
    chain = Chain(TOPICS, frozenset())
    office = OfficeId("office")
    assert chain.topic(TOPICS.office(office, "notice"), 1.0) is Link.DRAFTED
    assert chain.topic(TOPICS.office(office, "receipt"), 1.0) is Link.RECEIPTED
    assert chain.topic(TOPICS.office(office, "command"), 1.0) is Link.COMMANDED
    assert chain.topic(TOPICS.heartbeat, 1.0) is Link.BEATING
    assert chain.topic(TOPICS.office(office, "ack"), 1.0) is None


def test_filters_cover_what_is_looked_for() -> None:
    filters = Chain(TOPICS, frozenset()).filters()
    assert TOPICS.heartbeat in filters
    assert f"{TOPICS.base}/+/+/command" in filters
    assert not any("sample" in one for one in filters)


def test_every_link_has_a_title() -> None:
    assert TITLES.keys() == set(Link)
