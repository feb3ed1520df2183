"""The shipped units: exposure, watchdog, check before start."""

import re
import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

UNITS = sorted(Path("systemd").glob("*.service"))


class Multi(dict[str, str]):
    """Repeated keys of a unit join, as systemd reads lists."""

    def __setitem__(self, key: str, value: object) -> None:
        if isinstance(value, list) and key in self:
            value = [*super().__getitem__(key), *value]
        super().__setitem__(key, value)  # type: ignore[assignment]


def read(unit: Path) -> RawConfigParser:
    parser = RawConfigParser(dict_type=Multi, strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit)
    return parser


def test_there_is_a_unit_for_each_process() -> None:
    names = {unit.name for unit in UNITS}
    assert names == {
        "wanglou-agent.service",
        "wanglou-collector.service",
        "wanglou-office.service",
    }


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_exposure_is_at_most_two(unit: Path) -> None:
    analyse = shutil.which("systemd-analyze")
    assert analyse, "systemd-analyze is missing: apt-get install systemd"
    done = subprocess.run(
        [analyse, "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= 2.0


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_unit_checks_first_and_is_watched(unit: Path) -> None:
    service = read(unit)["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 0
    assert " check " in service["ExecStartPre"]
    config = service["ExecStartPre"].split()[-1]
    assert service["ExecStart"].endswith(f"--config {config}")


def test_the_agent_is_reloaded_by_a_signal_after_a_check() -> None:
    service = read(Path("systemd/wanglou-agent.service"))["Service"]
    check, hangup = service["ExecReload"].splitlines()
    assert check == service["ExecStartPre"]
    assert hangup == "/bin/kill -HUP $MAINPID"
