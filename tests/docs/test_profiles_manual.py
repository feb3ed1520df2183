"""docs/PROFILES.md says what the profiles do: each alarm type, each object, and its example."""

from __future__ import annotations

import re
from pathlib import Path

from config.check_profile import check_profile
from config.io.load import load_policy, load_profiles
from config.io.toml import build, parse
from config.profile import Profile

MANUAL = Path("docs/PROFILES.md").read_text(encoding="utf-8")
PROFILES = load_profiles()
POLICY = load_policy()
OWN = {"device-unreachable", "snmp-failure", "device-rebooted"}
"""Alarm types that come from looks, not from the tower and network tables."""
ROWS = {
    row[0]: row[1:]
    for row in re.findall(
        r"^\| `([\w-]+)` \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", MANUAL, re.MULTILINE
    )
}


def objects(cell: str) -> set[tuple[str, str]]:
    found = {(p, o) for p, o in re.findall(r"`([\w-]+): (\w+)`", cell)}
    assert bool(found) == (cell != "-")
    return found


def test_every_alarm_type_and_signal_is_listed_by_its_name() -> None:
    names = {alarm.id: alarm.name_zh for alarm in POLICY.alarms if alarm.id not in OWN}
    names |= {signal.id: signal.name_zh for signal in POLICY.signals}
    assert len(names) == 26
    assert {type_id: row[0] for type_id, row in ROWS.items()} == names


def test_what_raises_each_type_is_what_the_profiles_hint() -> None:
    hints: dict[str, set[tuple[str, str]]] = {type_id: set() for type_id in ROWS}
    for profile in PROFILES.values():
        for metric in profile.metrics():
            if metric.alarm is not None:
                hints[metric.alarm.alarm].add((profile.id, metric.object))
    assert {type_id: objects(row[1]) for type_id, row in ROWS.items()} == hints


def test_what_is_only_read_is_read() -> None:
    for type_id, (_, raised, read, missing) in ROWS.items():
        for profile, name in objects(read):
            assert name in {metric.object for metric in PROFILES[profile].metrics()}
        assert not objects(raised) & objects(read), type_id
        # What nothing raises says why.
        assert missing != "-" or raised != "-"


def test_every_shipped_profile_is_listed_with_its_modules() -> None:
    said = re.findall(r"^\| `([\w-]+)` \| ([\w, -]+MIB) \| .+ \|$", MANUAL, re.MULTILINE)
    assert {name: tuple(mibs.split(", ")) for name, mibs in said} == {
        profile.id: profile.mibs for profile in PROFILES.values()
    }


def test_the_example_is_sound() -> None:
    (example,) = re.findall(r"^```toml profile\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)
    document = parse(example.encode(), "example.toml")
    causes = {alarm.id: alarm.probable_cause for alarm in POLICY.alarms}
    assert check_profile(build(Profile, document), document.place, causes) == []
