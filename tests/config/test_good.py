"""The same register, however an office worker keeps it, is the same register."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path, PurePath

import openpyxl
import pytest

from config.faults import ConfigError, Kind
from config.inventory import AuthProtocol, EngineKind, PrivProtocol, SnmpVersion
from config.io.load import (
    DATA,
    load_agent_settings,
    load_collector_settings,
    load_inventory,
    load_office_settings,
    load_plan,
    load_policy,
    load_profiles,
    load_register,
)
from config.io.register import read_register
from config.io.survey import survey
from config.register import Register

GOOD = Path(__file__).parent / "good"
PLAN = load_plan()
EXPECTED = load_register(GOOD / "register", plan=PLAN)


def rows_of(file: Path) -> list[list[str]]:
    return list(csv.reader(file.read_text(encoding="utf-8").splitlines()))


def encoded(source: str, encoding: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for file in (GOOD / source).iterdir():
            text = file.read_text(encoding="utf-8")
            keep = file.suffix == ".toml"
            (folder / file.name).write_text(text, encoding="utf-8" if keep else encoding)
        return folder

    return write


def separated(separator: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        for file in (GOOD / "register").glob("*.csv"):
            with (folder / file.name).open("w", encoding="utf-8", newline="") as out:
                csv.writer(out, delimiter=separator).writerows(rows_of(file))
        return folder

    return write


def cell(text: str) -> object:
    """As Excel keeps it: numbers as floats, days as dates."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text or None


def workbook(source: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        book = openpyxl.Workbook()
        for file in (GOOD / source).glob("*.csv"):
            sheet = book.create_sheet(file.stem)
            for row in rows_of(file):
                sheet.append([cell(text) for text in row])
        book.save(folder / "county.xlsx")
        return folder / "county.xlsx"

    return write


def workbooks(folder: Path) -> Path:
    for file in (GOOD / "register-zh").glob("*.csv"):
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        for row in rows_of(file):
            sheet.append([cell(text) for text in row])
        book.save(folder / f"{file.stem}.xlsx")
    return folder


def book_in_a_folder(folder: Path) -> Path:
    workbook("register-zh")(folder).rename(folder / "台账.xlsx")
    shutil.copy(GOOD / "register" / "register.toml", folder)
    return folder


@pytest.mark.parametrize(
    "keep",
    [
        encoded("register", "utf-8"),
        encoded("register", "utf-8-sig"),
        encoded("register", "gb18030"),
        encoded("register", "utf-16"),
        encoded("register-zh", "utf-8"),
        encoded("register-zh", "utf-8-sig"),
        encoded("register-zh", "gb18030"),
        separated(";"),
        separated("\t"),
        workbook("register"),
        workbook("register-zh"),
        workbooks,
        book_in_a_folder,
    ],
)
def test_the_same_register_however_it_is_kept(tmp_path: Path, keep: Callable[[Path], Path]) -> None:
    assert load_register(keep(tmp_path), county="140522", plan=PLAN) == EXPECTED


def test_what_the_register_says() -> None:
    site, device, person = EXPECTED.sites[2], EXPECTED.devices[1], EXPECTED.people[1]
    assert (site.operator, site.town, site.weight, site.hub) == ("cucc", "140522100", 8000.5, True)
    assert (device.parents, device.main, device.egress) == (("d1", "d3"), True, False)
    assert (person.roles, person.valid_to) == (("duty", "director"), None)
    assert EXPECTED.people[0].valid_from == date(2024, 1, 1)
    assert EXPECTED.contacts[3].phone is None
    assert [source.disclose.value for source in EXPECTED.sources] == [
        "site", "site", "device", "full",
    ]  # fmt: skip
    assert Register.model_validate_json(EXPECTED.model_dump_json()) == EXPECTED


def test_the_county_is_the_one_asked_for() -> None:
    with pytest.raises(ConfigError, match="140521"):
        load_register(GOOD / "register", county="140521", plan=PLAN)


def test_the_example_register_is_sound_and_speaks_the_plans_words() -> None:
    example = DATA / "register-example"
    read = read_register(example, plan=PLAN)
    assert [fault for fault in read.faults if fault.kind is not Kind.NOTE] == []
    register = load_register(example, county="140522", plan=PLAN)
    assert len(register.towns) == 15
    assert {site.operator for site in register.sites} == {o.id for o in PLAN.operators}


def test_settings_name_files_relative_to_themselves() -> None:
    agent = load_agent_settings(GOOD / "agent.toml")
    assert agent.agent.inventory == GOOD / "inventory.toml"
    collector = load_collector_settings(GOOD / "collector.toml")
    assert collector.collector.register_path == GOOD / "register"
    assert load_office_settings(GOOD / "office.toml").office.keys_dir == GOOD / "keys"
    assert agent.broker.cafile is None
    assert isinstance(agent.agent.state_dir, PurePath)


def test_the_inventory_joins_table_and_inline_targets() -> None:
    inventory = load_inventory(GOOD / "inventory.toml")
    assert [target.device for target in inventory.targets] == ["d1", "d2", "d3"]
    first, second, third = inventory.targets
    assert (first.profiles, first.credential, second.port) == (("generic", "host"), "ro", 161)
    assert (second.interval_s, third.icmp) == (60.0, False)
    assert (third.candidates, third.engine) == (("watch", "ro"), EngineKind.PYSNMP)
    plain, user = inventory.credentials
    assert plain.version is SnmpVersion.V2C
    assert plain.community.get_secret_value() == "not-public"
    assert (user.version, user.user, user.context) == (SnmpVersion.V3, "watch", "vrf-mgmt")
    assert (user.auth, user.priv) == (AuthProtocol.SHA256, PrivProtocol.AES128)
    assert user.auth_password.get_secret_value() == "a-long-password"
    assert not {"not-public", "a-long-password", "another-long-one"} & set(
        repr(inventory).replace("'", " ").split()
    )
    assert "long" not in repr(inventory)


def test_a_local_profile_stands_beside_the_shipped_ones() -> None:
    assert set(load_profiles(GOOD / "profiles")) == {*load_profiles(), "extra"}


def test_a_policy_of_ones_own_loads() -> None:
    assert [alarm.id for alarm in load_policy(GOOD / "policy.toml").alarms] == ["smoke"]


def test_the_whole_good_folder_is_sound(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path / "county")
    (tmp_path / "county" / "policy.toml").unlink()  # it leaves out what the profiles raise
    result = survey([tmp_path / "county"])
    assert result.errors == []
    assert {what.value for what in result.files.values()} == {
        "collector", "agent", "office", "inventory", "register", "profile",
    }  # fmt: skip
