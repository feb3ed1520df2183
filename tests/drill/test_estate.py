"""The generated run directory is what the real loaders read, without a fault."""

from pathlib import Path

import pytest

from config.inventory import Inventory
from config.io.load import (
    load_agent_settings,
    load_collector_settings,
    load_inventory,
    load_office_settings,
    load_plan,
    load_profiles,
    load_register,
)
from drill.county import County
from drill.estate import Estate, Terms, write
from drill.farm import Where
from drill.grow import generate
from drill.people import PEOPLE
from drill.register import inventory_of, register_of
from transport.io.keys import load_key, load_trusted

TERMS = Terms(
    tree="drill-test",
    broker_port=18830,
    farm_where=Where.LOOPBACK,
    farm_port=16161,
    scale=60.0,
    anchor_ms=1_700_000_000_000,
    interval_s=3.0,
    web_port=18080,
)


@pytest.fixture(scope="module")
def county() -> County:
    return generate(1)


@pytest.fixture(scope="module")
def estate(county: County, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    return write(tmp_path_factory.mktemp("run"), county, TERMS)


def test_register_reads_back_as_it_was_meant(estate: Estate, county: County) -> None:
    register = load_register(estate.root / "register", county="140522", plan=load_plan())
    assert register.model_copy(update={"hash": ""}) == register_of(county)
    assert 280 <= len(register.sites) <= 330
    assert 950 <= len(register.devices) <= 1100
    assert len(register.towns) == 15
    assert len(register.contacts) == 45
    assert len(register.systems) == 6
    assert sum(device.egress for device in register.devices) == 6
    assert any(site.key_unit for site in register.sites)


def test_inventories_cover_the_register(estate: Estate, county: County) -> None:
    profiles = load_profiles()
    polled: list[str] = []
    for operator in estate.operators:
        settings = load_agent_settings(estate.agent(operator))
        assert settings.agent.operator == operator
        inventory = load_inventory(Path(settings.agent.inventory))
        expected = inventory_of(county, operator, Where.LOOPBACK, 16161)
        assert inventory.targets == expected.targets
        assert not any(target.icmp for target in inventory.targets), "the kernel answers there"
        assert all(set(target.profiles) <= profiles.keys() for target in inventory.targets)
        polled += [target.device for target in inventory.targets]
        assert isinstance(inventory, Inventory)
    assert sorted(polled) == sorted(box.id for box in county.boxes)


def test_behind_a_tun_device_icmp_is_asked_too(county: County) -> None:
    inventory = inventory_of(county, "tower", Where.TUN, 161)
    assert all(target.icmp for target in inventory.targets)
    assert all(str(target.address).startswith("198.18.") for target in inventory.targets)


def test_settings_agree_and_keys_are_there(estate: Estate) -> None:
    collector = load_collector_settings(estate.collector)
    office = load_office_settings(estate.office)
    agent = load_agent_settings(estate.agent("cmcc"))
    assert collector.clock == office.clock == agent.clock
    assert collector.broker == office.broker == agent.broker
    assert collector.web
    trusted = load_trusted(Path(collector.collector.keys_dir))
    assert trusted.keys() == {"office-key"} | {person.key for person in PEOPLE}
    assert load_trusted(Path(office.office.keys_dir)).keys() == {"collector"}
    for person in PEOPLE:
        assert load_key(Path(office.office.keys_dir), person.key).id == person.key
