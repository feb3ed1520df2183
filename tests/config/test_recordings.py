"""Each shipped profile against a recording: the readings and alarms that it must give.

``recordings/NAME.snmprec`` is read by the profile NAME; ``NAME.json`` has what comes of it. The
values are made up, the objects and types are those of the MIBs.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from agent.decode import compile_query, decode
from agent.io.recording import read_recording
from agent.memory import Shared
from agent.query import Access, SnmpLook
from agent.recording import Replay, look_at
from config.inventory import SnmpVersion
from config.io.load import load_policy, load_profiles
from config.profile import Hint, MetricType, Profile

HERE = Path(__file__).parent / "recordings"
PROFILES = load_profiles()
ALARMS = {alarm.id: alarm for alarm in load_policy().alarms}
OBJECTS = {
    row["oid"]: (row["mib"], row["object"])
    for row in csv.DictReader((HERE / "objects.csv").read_text(encoding="utf-8").splitlines())
}


def raised(hint: Hint | None, value: float | None) -> bool:
    if hint is None or value is None:
        return False
    over = hint.above is not None and value > hint.above
    under = hint.below is not None and value < hint.below
    return value in hint.values or over or under


def readings(profile: Profile, version: SnmpVersion) -> dict[str, Any]:
    """Metric, or metric[row], to value; ``!`` lists what is raised by which reading."""
    look = SnmpLook("d", "", 0, Access(version), compile_query([profile]))
    replay = Replay(read_recording(HERE / f"{profile.id}.snmprec"))
    result = look_at(look, replay, Shared())
    assert result.complete
    found: dict[str, Any] = {}
    alarms = []
    for rows in decode(result):
        for number, row in enumerate(rows.instances):
            where = f"[{row}]" if rows.table else ""
            for metric, column in zip(rows.metrics, rows.columns, strict=True):
                found[metric.name + where] = column[number]
                if metric.type not in (MetricType.COUNTER32, MetricType.COUNTER64) and raised(
                    metric.alarm, column[number]
                ):
                    assert metric.alarm is not None
                    alarms.append(f"{metric.alarm.alarm}: {metric.name}{where}")
            for name, texts in rows.texts.items():
                found[name + where] = texts[number]
    return found | {"!": alarms}


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_recording_gives_the_readings_that_it_must(name: str) -> None:
    expected = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    assert readings(PROFILES[name], SnmpVersion.V2C) == expected


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_version_1_gives_the_same_but_for_64_bit_counters(name: str) -> None:
    expected = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    wide = {m.name for m in PROFILES[name].metrics() if m.type is MetricType.COUNTER64}
    found = readings(PROFILES[name], SnmpVersion.V1)
    for key in expected:
        assert found[key] == (None if key.partition("[")[0] in wide else expected[key]), key


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.id)
def test_a_shipped_profile_names_its_objects_as_their_mibs_do(profile: Profile) -> None:
    assert profile.mibs
    for metric in profile.metrics():
        mib, name = OBJECTS[metric.oid.removesuffix(".0")]
        assert metric.object == name
        assert mib in profile.mibs
    others = {
        oid
        for metric in profile.metrics()
        for oid in (
            *(when.oid for when in (*metric.when, *metric.valid)),
            *filter(None, (metric.precision, metric.exponent)),
        )
    }
    others |= {oid for table in profile.tables for oid in (table.label, table.discontinuity) if oid}
    others |= set(profile.match.implements)
    for oid in others:
        assert OBJECTS[oid.removesuffix(".0")][0] in profile.mibs, oid
    assert profile.match.implements


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.id)
def test_a_shipped_profile_gives_the_causes_of_the_policy(profile: Profile) -> None:
    for metric in profile.metrics():
        if metric.alarm is not None:
            assert metric.alarm.cause == ALARMS[metric.alarm.alarm].probable_cause


def test_every_recording_has_its_profile() -> None:
    assert {path.stem for path in HERE.glob("*.snmprec")} == set(PROFILES)
    assert {path.stem for path in HERE.glob("*.json")} == set(PROFILES)
