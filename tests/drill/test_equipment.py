from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from drill import equipment
from drill.equipment import MINUTE_MS, NEVER, Generator, Power, Room, Source, Unit

T0 = 1_700_000_000_000
minutes = st.floats(1, 600)
moments = st.lists(st.integers(0, 24 * 60 * MINUTE_MS), min_size=1, max_size=8).map(sorted)


def power(**more: object) -> Power:
    return replace(Power(at_ms=T0, battery_min=100.0), **more)  # type: ignore[arg-type]


def test_battery_runs_down_sheds_radio_then_transport() -> None:
    lost = equipment.mains(power(), T0, present=False)
    assert lost.source is Source.BATTERY
    first = equipment.next_ms(lost)
    assert first == T0 + 80 * MINUTE_MS
    shed = equipment.advance(lost, first)
    assert (shed.lvd1, shed.lvd2) == (True, False)
    second = equipment.next_ms(shed)
    assert abs(second - first - 37.5 * MINUTE_MS) <= 2
    dark = equipment.advance(shed, second)
    assert dark.lvd2
    assert dark.source is Source.NOTHING
    assert equipment.next_ms(dark) == NEVER
    back = equipment.mains(dark, second + 1000, present=True)
    assert (back.lvd1, back.lvd2, back.source) == (False, False, Source.MAINS)


def test_generator_starts_by_itself_and_ends_with_its_fuel() -> None:
    lost = equipment.mains(power(generator=Generator.OFF, fuel_min=30.0), T0, present=False)
    assert lost.generator is Generator.STARTING
    running = equipment.advance(lost, T0 + 2 * MINUTE_MS)
    assert running.source is Source.GENERATOR
    spent = equipment.advance(lost, T0 + 33 * MINUTE_MS)
    assert spent.generator is Generator.FAILED
    assert spent.source is Source.BATTERY


def test_a_generator_brought_closes_the_disconnects() -> None:
    dark = equipment.advance(equipment.mains(power(), T0, present=False), T0 + 400 * MINUTE_MS)
    assert dark.lvd2
    brought = equipment.generator(dark, dark.at_ms, fuel_min=240)
    running = equipment.advance(brought, dark.at_ms + equipment.GENERATOR_START_MS)
    assert running.source is Source.GENERATOR
    assert not running.lvd1
    assert not running.lvd2


def test_mains_that_stay_change_nothing() -> None:
    calm = power()
    assert equipment.mains(calm, T0, present=True) == calm
    assert equipment.next_ms(calm) == NEVER


@given(minutes, moments, st.sampled_from([Generator.OFF, Generator.NONE]))
def test_way_of_asking_does_not_matter(battery: float, steps: list[int], kind: Generator) -> None:
    """In one stride or in many, the same state (but for rounding)."""
    start = power(
        battery_min=battery,
        generator=kind,
        fuel_min=20.0 if kind is Generator.OFF else 0.0,
    )
    lost = equipment.mains(start, T0, present=False)
    stepped = lost
    for step in steps:
        stepped = equipment.advance(stepped, T0 + step)
    whole = equipment.advance(lost, T0 + steps[-1])
    # Switches fall on whole milliseconds, so each stride may round one up.
    assert abs(stepped.charge - whole.charge) <= 10 / (battery * MINUTE_MS)
    assert stepped.at_ms == whole.at_ms
    near = (equipment.advance(lost, max(T0, whole.at_ms + slack)) for slack in (-10, 10))
    if len({flags(power) for power in near}) == 1:
        assert flags(stepped) == flags(whole)


def flags(power: Power) -> tuple[bool, bool, Generator]:
    return power.lvd1, power.lvd2, power.generator


@given(minutes, moments)
def test_charge_falls_and_stays_within_bounds(battery: float, steps: list[int]) -> None:
    now = equipment.mains(power(battery_min=battery), T0, present=False)
    for step in steps:
        later = equipment.advance(now, T0 + step)
        assert 0.0 <= later.charge <= now.charge
        assert later.volts <= now.volts + 1e-9
        assert later.minutes_left <= now.minutes_left + 1e-6
        assert later.lvd1 or not later.lvd2
        now = later


@given(st.integers(0, 10 * 86_400_000))
def test_room_tends_to_its_target(passed: int) -> None:
    room = equipment.aim(Room(T0), T0, 46.0)
    now = equipment.temperature(room, T0 + passed)
    assert 24.0 <= now <= 46.0
    assert equipment.temperature(room, T0 + passed + 60_000) >= now


def test_a_device_boots_when_its_power_returns() -> None:
    unit = equipment.change(Unit(), T0, fed=False)
    assert not unit.up(T0)
    again = equipment.change(unit, T0 + 1000, fed=True, boot_s=60)
    assert not again.up(T0 + 1000)
    assert again.up(T0 + 61_000)
    assert again.boot_ms == T0 + 1000
    assert equipment.change(again, T0 + 70_000, killed=False) == again


def test_flapping_line_is_down_then_up() -> None:
    unit = Unit(flap_ms=1000, flap_since_ms=T0)
    assert [unit.flapped_down(T0 + at) for at in (0, 999, 1000, 1999, 2000)] == [
        True,
        True,
        False,
        False,
        True,
    ]
