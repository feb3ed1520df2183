"""``wanglou poll`` against real snmpd."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers import Snmpd, snmpd

WANGLOU = str(Path(sys.executable).with_name("wanglou"))
UPS = "1.3.6.1.2.1.33.1"


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    folder = tmp_path_factory.mktemp("snmpd")
    extra = f"sysName 望楼\noverride {UPS}.2.1.0 integer 2\noverride {UPS}.4.1.0 integer 5\n"
    with snmpd(folder, "127.0.0.21", extra) as started:
        yield started


def wanglou(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    patient = () if "--timeout" in words else ("--timeout", "20")
    return subprocess.run(
        [WANGLOU, "poll", *words, *patient],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/usr/sbin:/bin", "LC_ALL": "C.UTF-8"} | environment,
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.peers
@pytest.mark.parametrize("version", ["1", "2c"])
def test_several_profiles_as_json(peer: Snmpd, version: str) -> None:
    done = wanglou(
        f"{peer.address}:{peer.port}", "-p", "generic", "-p", "interfaces", "-p", "ups",
        "--version", version, "--json", "--repeat", "2", "--interval", "0.2", "--stats",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    first, second, stats = lines(done)
    for told in (first, second):
        assert (told["outcome"], told["reason"], told["complete"]) == ("measured", "", True)
        assert told["profiles"]["generic"]["scalars"]["sys_name"] == "望楼"
        assert told["profiles"]["ups"]["scalars"]["ups_output_source"] == 5
        assert told["profiles"]["ups"]["scalars"]["ups_minutes_remaining"] is None
        interfaces = told["profiles"]["interfaces"]["tables"]["if"]
        assert interfaces["complete"]
        assert interfaces["rows"]["lo"]["if_link"] == 1
    assert first["profiles"]["interfaces"]["tables"]["if"]["rows"]["lo"]["if_in_errors"] is None
    lo = second["profiles"]["interfaces"]["tables"]["if"]["rows"]["lo"]
    assert lo["if_in_errors"] == 0
    assert (lo["if_in"] is None) == (version == "1")  # version 1 has no 64-bit counters
    assert stats["stats"]["answers"] == 2


@pytest.mark.peers
def test_a_page_for_people_and_a_dead_neighbour(peer: Snmpd) -> None:
    done = wanglou(
        f"{peer.address}-{peer.address.removesuffix('1')}2", "--port", str(peer.port), "-p", "ups",
        "--timeout", "0.1", "--stats",
    )  # fmt: skip
    assert done.returncode == 1
    for word in ("正常 measured", "无应答 no answer", "port_unreachable", "battery(5)", "µs/设备"):
        assert word in done.stdout


@pytest.mark.peers
def test_the_community_may_stand_in_the_environment(peer: Snmpd) -> None:
    place = f"{peer.address}:{peer.port}"
    done = wanglou(place, "--json", "--timeout", "0.2", WANGLOU_COMMUNITY="wrong")
    assert done.returncode == 1
    assert lines(done)[0]["reason"] == "timeout"
    assert "wrong" not in done.stdout + done.stderr
    assert wanglou(place, "--json", WANGLOU_COMMUNITY="public").returncode == 0


@pytest.mark.peers
def test_a_profile_of_ones_own(peer: Snmpd, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(
        'id = "own"\ntitle = "own"\n[[scalars]]\nname = "who"\ntype = "text"\n'
        'oid = "1.3.6.1.2.1.1.5.0"\n'
    )
    done = wanglou(f"{peer.address}:{peer.port}", "-p", str(file), "--json")
    assert lines(done)[0]["profiles"] == {"own": {"scalars": {"who": "望楼"}, "tables": {}}}
    file.write_text(file.read_text().replace('type = "text"', 'typ = "text"'))
    done = wanglou("127.0.0.1", "-p", str(file))
    assert done.returncode == 2
    assert "own.toml:" in done.stderr
    assert "unknown key" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["127.0.0.1", "-p", "interface"], "no profile interface"),
        (["127.0.0.1", "--version", "4"], "no version 4"),
        (["127.0.0.1:70000"], "must be 1 to 65535"),
        (["-p", "/none.toml", "127.0.0.1"], "/none.toml"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(words: list[str], said: str) -> None:
    done = wanglou(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


V3 = {
    "WANGLOU_USER": "watch",
    "WANGLOU_AUTH": "SHA-256",
    "WANGLOU_AUTH_PASSWORD": "auth-password",
    "WANGLOU_PRIV": "AES",
    "WANGLOU_PRIV_PASSWORD": "priv-password",
}


@pytest.mark.peers
def test_version_3_by_the_environment(tmp_path: Path) -> None:
    extra = "createUser watch SHA-256 auth-password AES priv-password\nrouser watch priv\n"
    with snmpd(tmp_path, "127.0.0.22", extra) as own:
        place = f"{own.address}:{own.port}"
        for way in ((), ("--pysnmp",)):
            done = wanglou(place, "--version", "3", "--json", "--timeout", "20", *way, **V3)
            assert (done.returncode, done.stderr) == (0, "")
            assert lines(done)[0]["outcome"] == "measured"
        wrong = V3 | {"WANGLOU_AUTH_PASSWORD": "something else"}
        done = wanglou(place, "--version", "3", "--timeout", "20", **wrong, COLUMNS="300")
        assert done.returncode == 1
        assert "wrongDigests" in done.stdout
        assert "认证口令" in done.stdout
        secret = tmp_path / "community"
        secret.write_text("public\n")
        done = wanglou(place, "--community", f"@{secret}", "--json", "--timeout", "20")
        assert lines(done)[0]["outcome"] == "measured"
        done = wanglou(place, "--community", "other", "--timeout", "0.2", COLUMNS="300")
        assert done.returncode == 1
        assert "cannot be told apart" in done.stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"WANGLOU_USER": ""}, "WANGLOU_USER"),
        ({"WANGLOU_AUTH": "SHA2"}, "SHA-256"),
        ({"WANGLOU_AUTH": ""}, "needs WANGLOU_AUTH"),
        ({"WANGLOU_PRIV_PASSWORD": "short"}, "WANGLOU_PRIV_PASSWORD"),
    ],
)
def test_a_user_that_is_none_is_named_and_nothing_echoed(
    changed: dict[str, str], said: str
) -> None:
    done = wanglou("127.0.0.1", "--version", "3", **(V3 | changed))
    assert done.returncode == 2
    assert said in done.stderr
    assert not {"auth-password", "priv-password", "short"} & set(done.stderr.split())
