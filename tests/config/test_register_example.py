from config.faults import Kind
from config.io.load import DATA, load_plan, load_profiles, load_register
from config.io.register import read_register

EXAMPLE = DATA / "register-example"


def test_the_example_register_is_sound_and_speaks_the_plans_words() -> None:
    plan = load_plan()
    read = read_register(EXAMPLE, plan=plan)
    assert [fault for fault in read.faults if fault.kind is not Kind.NOTE] == []
    register = load_register(EXAMPLE, county="140522", plan=plan)
    assert register.county == "140522"
    assert len(register.towns) == 15
    assert {site.operator for site in register.sites} == {o.id for o in plan.operators}
    assert {source.operator for source in register.sources} == {o.id for o in plan.operators}
    assert len(register.hash) == 64


def test_the_shipped_profiles_load() -> None:
    assert "generic" in load_profiles()
