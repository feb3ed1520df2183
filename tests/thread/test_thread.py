"""The thread, proved with processes that nobody here wrote.

Twenty hosts in namespaces of their own, each with Debian's snmpd, looked at by two agents
through mosquitto, collector and office client, with samples in InfluxDB 1.6. Policy holds are
the shipped ones; domain time runs sixty times as fast.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.thread.county import WANGLOU, County
from tests.thread.lab import Lab
from tests.thread.thread import Json, Thread

pytestmark = [pytest.mark.peers, pytest.mark.netns, pytest.mark.timeout(600)]

CUT = (1, 2, 3, 4, 13, 14)
"""Hosts whose link goes down: four of the first operator's, two of the second's."""
DEAF = (5, 15)
"""Hosts whose snmpd is killed: they answer ICMP and not SNMP."""
HOSTS = range(1, 21)
UNDISTURBED = [n for n in HOSTS if n not in CUT + DEAF]
SCALE = 60.0


@pytest.fixture
def thread(tmp_path: Path) -> Iterator[Thread]:
    with Lab(tmp_path, len(HOSTS)) as lab:
        county = County(tmp_path, int(time.time() * 1000), SCALE, "http://127.0.0.1:8086")
        yield Thread(lab, county)


def sites(numbers: tuple[int, ...]) -> set[str]:
    return {f"site{n:02d}" for n in numbers}


def devices(numbers: tuple[int, ...]) -> set[str]:
    return {f"dev{n:02d}" for n in numbers}


def all_well(thread: Thread) -> Json | None:
    counts: Json = thread.status()["devices_by_state"]
    return counts if counts["ok"] == len(HOSTS) else None


def six_out(thread: Thread) -> Json | None:
    """A notice that names all six sites as out.

    Kills wait for it: at sixty times the speed a restart takes minutes of the county's time, and
    an outage first seen minutes after another is growth, as the plan has it.
    """
    for notice in thread.notices():
        if {fact["site"] for fact in notice["sites"] if fact["state"] == "out"} == sites(CUT):
            return notice
    return None


def whole_picture(thread: Thread) -> Json | None:
    """The notice of an open draft that has everything: sites, deaf devices, both networks.

    Which of them completes the picture (a draft or the incident's next line) depends on the
    order in which holds end; what it says does not.
    """
    for notice in reversed(thread.notices()):
        if notice["warning_id"] is None or not notice["verdict"]:
            continue
        verdict = notice["verdict"]
        out = {fact["site"] for fact in notice["sites"] if fact["state"] == "out"}
        deaf = {fact["device"] for fact in notice["devices"] if fact["state"] == "snmp_fault"}
        hit = [verdict["operators"][name] for name in ("cmcc", "cucc")]
        whole = out == sites(CUT) and deaf == devices(DEAF) and hit == ["partial", "partial"]
        if whole and verdict["systems"]["egov"] == "full":
            return notice
    return None


def check_draft(draft: Json, *, agent_away: bool = False) -> None:
    """Right sites, operators, systems and clauses; who only answers ICMP is not down.

    While its agent is away a system that was well is not known to be, and a notice made just
    then says so.
    """
    verdict = draft["verdict"]
    assert draft["verified"]
    assert draft["warning_id"]
    assert verdict["operators"] == {
        "cmcc": "partial",
        "cucc": "partial",
        "ctcc": "absent",
        "tower": "absent",
    }
    assert verdict["systems"]["egov"] == "full"
    assert verdict["systems"]["catv"] in ({"none", "unknown"} if agent_away else {"none"})
    assert verdict["warning"] == "scenario2"
    assert verdict["level"] == "II"
    assert "4.4.2(1)" in verdict["clauses"]
    down = {fact["device"] for fact in draft["devices"] if fact["state"] == "down"}
    assert down == devices(CUT), "a device that answers ICMP is not down"
    for fact in draft["devices"]:
        if fact["state"] == "snmp_fault":
            assert "SNMP" in fact["cause"]
    zh = draft["text"]["zh"]
    assert "情形2" in zh
    assert "01号站" in zh
    assert "10.99.0." not in zh, "no address leaves the operator"


def cut_off(thread: Thread) -> None:
    for number in CUT:
        thread.lab.cut(thread.lab.hosts[number - 1])
    for number in DEAF:
        thread.lab.kill_snmpd(thread.lab.hosts[number - 1])


def bring_back(thread: Thread) -> None:
    for number in CUT:
        thread.lab.mend(thread.lab.hosts[number - 1])
    for number in DEAF:
        thread.lab.start_snmpd(thread.lab.hosts[number - 1])


def latest(thread: Thread, kind: str) -> Json | None:
    return next(iter(reversed(thread.notices(kind))), None)


def lifting_drafted(thread: Thread) -> Json | None:
    """The recovery notice that suggests lifting; partial recoveries may come before it."""
    for notice in thread.notices("recovery"):
        if notice["verdict"]["warning"] == "none" and "建议解除" in notice["subject"]["zh"]:
            return notice
    return None


def receipted(thread: Thread, notice: Json) -> Json | None:
    for event in thread.events():
        if event["type"] == "receipt" and event["seq"] >= notice["number"]:
            return event
    return None


def nothing_lost_or_doubled(thread: Thread) -> None:
    numbers = [notice["number"] for notice in thread.notices()]
    assert sorted(set(numbers)) == numbers, "a notice twice or out of order"
    assert numbers == list(range(1, len(numbers) + 1)), "a notice missing"


def samples_are_whole(thread: Thread, *, agents_killed: bool) -> None:
    """Every undisturbed host has a sample for every round, from its first to its last.

    While an agent is dead nobody looks: a killed agent leaves one hole per kill, no longer than
    its restart, and nothing else is missing. Its turns begin anew with it, so that the step over
    a restart is any part of a round.
    """
    found = thread.influx('SELECT "sys_uptime" FROM "generic" GROUP BY "device"')
    stamps = {series["tags"]["device"]: [row[0] for row in series["values"]] for series in found}
    for number in UNDISTURBED:
        times = stamps[f"dev{number:02d}"]
        steps = [b - a for a, b in pairwise(times)]
        holes = [step for step in steps if step > 1.9 * SCALE * 1000]
        assert len(times) >= 20
        assert len(holes) <= agents_killed, f"rounds are missing at dev{number:02d}: {holes}"
        rounds = (times[-1] - times[0] - sum(holes)) / (SCALE * 1000) + len(holes)
        assert abs(len(times) - 1 - rounds) <= 1 + agents_killed


def walk_through_people(thread: Thread, warning: str) -> None:
    """People's orders; only who may is obeyed."""
    code, said = thread.order("issue", warning, "duty", "not mine to order")
    assert code == 1, said
    assert thread.order("propose", warning, "duty", "six sites out")[0] == 0
    code, said = thread.order("issue", warning, "commander", "confirmed by telephone")
    assert code == 0, said


def test_six_cut_off_two_deaf_and_all_back(thread: Thread) -> None:
    thread.start_all()
    thread.wait("all devices well", lambda: all_well(thread))
    assert not thread.notices("warning_draft")
    cut_off(thread)
    draft = thread.wait("draft with everything", lambda: whole_picture(thread))
    check_draft(draft)
    thread.wait("receipt", lambda: receipted(thread, draft))
    warning = draft["warning_id"]
    assert thread.order("ack", draft["id"], "duty")[0] == 0
    walk_through_people(thread, warning)
    bring_back(thread)
    see_recovery_and_lift(thread, warning)
    nothing_lost_or_doubled(thread)
    finish(thread)


def test_the_same_with_kills_in_the_middle(thread: Thread) -> None:
    """SIGKILL of agent, broker and collector while it happens: the same is asked."""
    thread.start_all()
    thread.wait("all devices well", lambda: all_well(thread))
    cut_off(thread)
    thread.wait("all six sites in a notice", lambda: six_out(thread))
    thread.restart("agent-cmcc")
    thread.restart("collector")
    thread.restart("mosquitto")
    draft = thread.wait("draft with everything", lambda: whole_picture(thread))
    check_draft(draft, agent_away=True)
    thread.wait("receipt", lambda: receipted(thread, draft))
    warning = draft["warning_id"]
    thread.restart("office")
    walk_through_people(thread, warning)
    thread.restart("collector")
    bring_back(thread)
    thread.restart("agent-cucc")
    see_recovery_and_lift(thread, warning)
    nothing_lost_or_doubled(thread)
    finish(thread, agents_killed=True)


def see_recovery_and_lift(thread: Thread, warning: str) -> None:
    recovery = thread.wait("lifting drafted", lambda: lifting_drafted(thread))
    assert recovery["warning_id"] == warning
    thread.wait("all devices well again", lambda: all_well(thread))
    assert thread.status()["warning"] == warning, "nothing is lifted by itself"
    code, said = thread.order("lift", warning, "commander", "all sites back")
    assert code == 0, said


def finish(thread: Thread, *, agents_killed: bool = False) -> None:
    """Stop everything cleanly, then count the samples and check the journal."""
    for name in ("agent-cmcc", "agent-cucc"):
        thread.stop(name)
    samples_are_whole(thread, agents_killed=agents_killed)
    thread.stop("office")
    thread.stop("collector")
    config = thread.county.config("collector")
    journal = thread.inside(WANGLOU, "journal", "verify", "--config", config)
    assert journal.returncode == 0, journal.stdout + journal.stderr
