from collections import Counter

import pytest

from drill import orders
from drill.county import County, Kind, SiteKind
from drill.grow import generate, hub_id
from drill.orders import Do, Order
from drill.plant import Plant

T0 = 1_700_000_000_000
MIN = 60_000


@pytest.fixture(scope="module")
def county() -> County:
    return generate(1)


@pytest.fixture
def plant(county: County) -> Plant:
    return Plant(county, T0)


def test_county_has_its_promised_shape(county: County) -> None:
    assert len({town.slug for town in county.atlas.town}) == 15
    assert set(county.roots) == {"cmcc", "cucc", "ctcc", "tower"}
    assert 280 <= len(county.sites) <= 330
    assert 950 <= len(county.boxes) <= 1100
    assert len(county.site) == len(county.sites)
    assert len(county.box) == len(county.boxes)
    assert len({box.address for box in county.boxes}) == len(county.boxes)
    assert [system.name for system in county.systems][:2] == ["电子政务外网", "广电网络"]
    assert len(county.systems) == 6
    assert county.atlas.county.schematic


def test_same_seed_same_county() -> None:
    assert generate(7) == generate(7)
    assert generate(7).sites != generate(8).sites


def test_parents_have_no_cycle_and_follow_lines(county: County) -> None:
    near = {frozenset((line.a, line.b)) for line in county.lines}
    for box in county.boxes:
        for parent in box.parents:
            assert frozenset((box.id, parent)) in near
    left = {box.id: set(box.parents) for box in county.boxes}
    while free := [device for device, parents in left.items() if not parents & left.keys()]:
        for device in free:
            del left[device]
    assert not left


def test_everything_answers_at_first(county: County, plant: Plant) -> None:
    assert all(plant.answers_snmp(box.id) for box in county.boxes)
    assert plant.next_ms > T0 + 10**12


def test_a_ring_holds_until_it_is_cut_twice(plant: Plant) -> None:
    far = hub_id("cmcc", "beiliu")
    first = (hub_id("cmcc", "fengcheng"), hub_id("cmcc", "runcheng"))
    second = (hub_id("cmcc", "dongye"), hub_id("cmcc", "baisang"))
    plant.carry_out(Order(do=Do.CUT, between=first), T0)
    assert plant.answers(far)
    plant.carry_out(Order(do=Do.CUT, between=second), T0)
    assert not plant.answers(far)
    assert plant.answers(hub_id("cucc", "beiliu"))
    assert [port.up for port in plant.ports(first[0]) if port.peer == first[1]] == [False]
    plant.carry_out(Order(do=Do.MEND, between=first), T0)
    assert plant.answers(far)


def test_power_cut_spreads_over_operators_and_a_lease(county: County, plant: Plant) -> None:
    plant.carry_out(Order(do=Do.MAINS_OFF, towns=("baisang",)), T0)
    assert all(plant.answers(box.id) for box in county.boxes)
    plant.advance(T0 + 130 * MIN)
    out = {box.id for box in county.boxes if not plant.answers(box.id)}
    assert {county.site[county.box[device].site].town for device in out} == {"baisang"}
    assert {county.box[device].operator for device in out} == set(county.roots)
    plant.advance(T0 + 600 * MIN)
    assert not plant.answers(hub_id("cmcc", "manghe"))
    assert not plant.answers(hub_id("ctcc", "manghe")), "its line is leased from cmcc"
    plant.carry_out(Order(do=Do.MAINS_ON, towns=("baisang",)), T0 + 601 * MIN)
    plant.advance(T0 + 605 * MIN)
    assert all(plant.answers(box.id) for box in county.boxes)


def test_a_tower_feeds_its_tenants(county: County, plant: Plant) -> None:
    guest = next(site for site in county.sites if site.host)
    assert guest.kind is SiteKind.BASE
    assert guest.host
    plant.carry_out(Order(do=Do.MAINS_OFF, sites=(guest.host,)), T0)
    plant.advance(T0 + 24 * 60 * MIN)
    fed = [box for box in county.boxes if box.site in {guest.id, guest.host}]
    assert not any(plant.answers(box.id) for box in fed)


def test_kill_snmp_off_and_reboot(county: County, plant: Plant) -> None:
    device = hub_id("cucc", "qinchi")
    plant.carry_out(Order(do=Do.SNMP_OFF, devices=(device,)), T0)
    assert plant.answers(device)
    assert not plant.answers_snmp(device)
    plant.carry_out(Order(do=Do.REBOOT, devices=(device,)), T0)
    assert not plant.answers(device)
    plant.advance(T0 + 2 * MIN)
    assert plant.answers(device)
    assert plant.unit[device].boot_ms == T0
    plant.carry_out(Order(do=Do.KILL, devices=(device,)), T0 + 3 * MIN)
    behind = [box for box in county.boxes if box.operator == "cucc" and not plant.answers(box.id)]
    assert Counter(county.site[box.site].town for box in behind).keys() == {"qinchi"}
    assert len(behind) > 5


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (Order(do=Do.KILL, devices=("cmcc-runcheng-hub-ruter",)), "did you mean"),
        (Order(do=Do.MAINS_OFF, towns=("runchen",)), '"runcheng"'),
        (Order(do=Do.MAINS_OFF), "where?"),
        (Order(do=Do.BATTERY, towns=("runcheng",)), "minutes is missing"),
        (Order(do=Do.CUT), "between is missing"),
        (Order(do=Do.CUT, between=("cmcc-beiliu-hub-router", "cmcc-qinchi-hub-router")), "no line"),
        (Order(do=Do.KILL, towns=("runcheng",), sites=("cmcc-beiliu-hub",)), "nothing"),
    ],
)
def test_wrong_orders_are_named(county: County, order: Order, said: str) -> None:
    assert said in "; ".join(orders.faults(order, county))


def test_good_orders_are_not(county: County) -> None:
    order = Order(do=Do.FLAP, towns=("runcheng",), kinds=(Kind.ROUTER,), period_s=60)
    assert not list(orders.faults(order, county))
