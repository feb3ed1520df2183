"""The flat package names are ours alone in the environment."""

from importlib.metadata import distributions

OURS = {"wire", "transport", "config", "agent", "collector", "escalation", "drill", "cli"}


def test_no_dependency_installs_one_of_our_names() -> None:
    clashes = {
        (dist.metadata["Name"], path.parts[0])
        for dist in distributions()
        if dist.metadata["Name"] != "wanglou"
        for path in dist.files or ()
        if path.parts[0] in OURS or path.parts[0].removesuffix(".py") in OURS
    }
    assert not clashes
