"""``wanglou profile``: list, check, show, try."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.profile import app
from config.io.load import load_profiles
from tests.peers import snmpd

NAMES = sorted(load_profiles())
UPS = "1.3.6.1.2.1.33.1"


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def wanglou(*words: str) -> Done:
    """In this process: starting one for each of these takes longer than all the rest."""
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def cells(line: str) -> int:
    """Terminal columns."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in line)


def test_every_shipped_profile_is_listed_and_sound() -> None:
    done = wanglou("list")
    assert done.returncode == 0
    assert all(name in done.stdout for name in NAMES)
    done = wanglou("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("sound") == len(NAMES)


@pytest.mark.parametrize("name", ["netsure", "interfaces"])
def test_a_profile_is_shown_in_80_columns(name: str) -> None:
    done = wanglou("show", name)
    assert done.returncode == 0
    assert max(map(cells, done.stdout.splitlines())) <= 80
    for metric in load_profiles()[name].metrics():
        assert metric.object[:20] in done.stdout
        assert metric.name[:20] in done.stdout
    assert "X.733" in done.stdout


def test_what_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('id = "own"\ntitle = "own"\n\n[[scalars]]\nname = "x"\noid = "sysName"\n')
    done = wanglou("check", str(file), str(tmp_path / "none.toml"))
    assert done.returncode == 2
    assert f"{file}:6: scalars[1].oid: " in done.stdout
    assert "none.toml" in done.stdout
    done = wanglou("try", "interface", "127.0.0.1")
    assert done.returncode == 2
    assert "no profile interface" in done.stderr
    done = wanglou("try", "generic", str(tmp_path / "none.snmprec"))
    assert done.returncode == 2
    assert "none.snmprec" in done.stderr


def test_a_recording_is_tried_with_raw_value_value_meaning_and_what_is_missing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ups.snmprec"
    file.write_text(f"{UPS}.2.1.0|2|3\n{UPS}.2.5.0|2|481\n{UPS}.3.3.1.3.1|2|231\n")
    done = wanglou("try", "ups", str(file))
    assert done.returncode == 0
    assert max(map(cells, done.stdout.splitlines())) <= 80
    for word in ("481", "48.1 V", "low", "noSuch", "没有行", "missing"):
        assert word in done.stdout
    done = wanglou("try", "ups", str(file), "--json")
    told = {(one["metric"], one["row"]): one for one in map(json.loads, done.stdout.splitlines())}
    assert told["ups_battery_voltage", ""]["raw"] == "481"
    assert told["ups_battery_voltage", ""]["value"] == 48.1
    assert told["ups_battery_status", ""]["meaning"] == "low"
    assert told["ups_model", ""]["missing"] == "noSuchObject"
    assert told["ups_input_voltage", "1"]["value"] == 231
    assert wanglou("try", "routing", str(file)).returncode == 1


@pytest.mark.peers
def test_a_device_is_tried_by_community_and_by_an_inventory(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.toml"
    inventory.write_text('[[credential]]\nid = "ro"\ncommunity = "public"\n')
    with snmpd(tmp_path, "127.0.0.23", f"override {UPS}.2.1.0 integer 2\n") as peer:
        place = f"{peer.address}:{peer.port}"
        for extra in ([], ["-i", str(inventory), "-c", "ro"]):
            done = wanglou("try", "ups", place, *extra)
            assert done.returncode == 0, done.stderr
            assert "normal" in done.stdout
    done = wanglou("try", "ups", place, "-i", str(inventory), "-c", "rw")
    assert done.returncode == 2
    assert "no credential rw" in done.stderr
    done = wanglou("try", "ups", place, "--timeout", "0.1")
    assert done.returncode == 1
    assert "no answer" in done.stdout
