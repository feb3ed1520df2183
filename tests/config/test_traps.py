"""Settings of the trap receiver and its file of secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.faults import ConfigError
from config.io.load import DATA, load_agent_settings, load_trap_access
from config.io.survey import survey

USER = """
[[user]]
name = "trapper"
auth = "SHA-256"
auth_password = "canary-auth-1"
priv = "AES"
priv_password = "canary-priv-1"
"""

INVENTORY = '[[target]]\ndevice = "d1"\naddress = "10.0.0.1"\n'


def agent(folder: Path, access: str) -> Path:
    """The shipped example with its traps, and their access file."""
    text = (DATA / "agent-example.toml").read_text(encoding="utf-8")
    head, _, traps = text.partition("# [traps]\n")
    lines = [line.removeprefix("# ") for line in traps.splitlines()]
    path = folder / "agent.toml"
    path.write_text("\n".join([head, "[traps]", *lines]), encoding="utf-8")
    (folder / "traps-access.toml").write_text(access, encoding="utf-8")
    (folder / "inventory.toml").write_text(INVENTORY, encoding="utf-8")
    return path


def test_the_shipped_example_is_sound(tmp_path: Path) -> None:
    plain = load_agent_settings(DATA / "agent-example.toml")
    assert plain.traps is None
    assert load_trap_access(plain).communities == ()
    path = agent(tmp_path, f'communities = ["public"]\n{USER}')
    settings = load_agent_settings(path)
    assert settings.traps is not None
    assert settings.traps.port == 162
    access = load_trap_access(settings)
    assert [user.name for user in access.user] == ["trapper"]
    assert not survey([path]).errors
    assert "canary" not in repr(access)


@pytest.mark.parametrize(
    "access",
    [
        'communities = "canary"',
        USER.replace('auth_password = "canary-auth-1"', ""),
        USER.replace("canary-auth-1", "canary"),
        USER.replace('auth = "SHA-256"', "").replace('auth_password = "canary-auth-1"', ""),
        USER.replace("SHA-256", "canary"),
        USER + "color = 1",
    ],
)
def test_what_is_wrong_is_told_without_a_secret(tmp_path: Path, access: str) -> None:
    path = agent(tmp_path, access)
    with pytest.raises(ConfigError) as told:
        load_trap_access(load_agent_settings(path))
    assert "canary-" not in str(told.value)
    assert survey([path]).errors
