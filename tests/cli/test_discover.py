"""``wanglou discover`` on loopback: real snmpd, a recorded switch with LLDP, a closed port."""

from __future__ import annotations

import contextlib
import csv
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.recording import Replay, parse
from cli.main import app
from config.io.inventory import read_inventory
from tests.peers import Snmpd, free_port

REGISTER = Path(__file__).parents[1] / "config" / "good" / "register"
UPS = "1.3.6.1.2.1.33.1"
SWITCH = b"""\
1.0.8802.1.1.2.1.3.2.0|4x|020000000002
1.0.8802.1.1.2.1.4.1.1.5.0.3.1|4x|020000000001
1.0.8802.1.1.2.1.4.1.1.7.0.3.1|4|eth0
1.0.8802.1.1.2.1.4.1.1.9.0.3.1|4|gateway
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.32473.5
1.3.6.1.2.1.1.3.0|67|1
1.3.6.1.2.1.1.5.0|4|=switch
1.3.6.1.2.1.31.1.1.1.1.1|4|e1
"""


@contextlib.contextmanager
def replayed(recorded: bytes, address: str, port: int) -> Iterator[None]:
    """A recorded device on a socket of its own."""
    replay = Replay(parse(recorded, "switch"), b"public")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))

    def serve() -> None:
        while True:
            data, peer = sock.recvfrom(65_535)
            if not data:
                return
            reply = replay.reply(data)
            if reply is not None:
                sock.sendto(reply, peer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", (address, port))
        thread.join(60)
        sock.close()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("snmpd")
    number = free_port(socket.SOCK_DGRAM, "127.0.31.1")
    gateway = Snmpd(folder, "127.0.31.1", extra="sysName gateway\n", port=number)
    ups = Snmpd(
        folder, "127.0.31.3", "secret", port=number,
        extra=f"sysName ups-1\noverride {UPS}.2.1.0 integer 2\n",
    )  # fmt: skip
    try:
        gateway.start()
        ups.start()
        with replayed(SWITCH, "127.0.31.2", number):
            yield number
    finally:
        gateway.kill()
        ups.kill()


def discover(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["discover", *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.mark.peers
def test_a_sweep_proposes_rows_that_an_inventory_can_take(port: int, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.toml"
    inventory.write_text(
        '[[credential]]\nid = "ro"\ncommunity = "public"\n\n'
        '[[credential]]\nid = "power"\ncommunity = "secret"\n\n'
        '[[target]]\ndevice = "old-gateway"\naddress = "127.0.31.1"\ncredential = "ro"\n'
        f'port = {port}\nprofiles = ["generic"]\n'
    )
    before = inventory.read_bytes()
    output = tmp_path / "targets.csv"
    words = ("127.0.31.1-4", "--port", str(port), "-i", str(inventory), "-o", str(output))
    status, said = discover(*words, "--timeout", "2", "--rate", "5000", "--root", "gateway")
    assert status == 0, said
    assert "secret" not in said
    assert inventory.read_bytes() == before
    with output.open(encoding="utf-8", newline="") as file:
        rows = {row["address"]: row for row in csv.DictReader(file)}
    gateway, switch, ups = rows["127.0.31.1"], rows["127.0.31.2"], rows["127.0.31.3"]
    assert gateway["device"] == "old-gateway"
    assert gateway["#变化 mark"] == "变 changed"
    assert {"generic", "interfaces", "host-ucd"} <= set(gateway["profiles"].split())
    assert switch["device"] == "switch"
    assert (switch["#变化 mark"], switch["#名称 sysName"]) == ("新 new", "'=switch")
    assert switch["#上级 parents"] == "old-gateway"
    assert "LLDP: switch ↔ gateway eth0" in switch["#依据 evidence"]
    assert set(switch["profiles"].split()) == {"generic", "interfaces"}
    # The second credential is tried where an echo came back, or where none can be sent.
    assert (ups["device"], ups["credential"]) == ("ups-1", "power")
    assert "ups" in ups["profiles"].split()
    targets = read_inventory(output).inventory
    assert targets is not None
    assert {str(target.address) for target in targets.targets} == set(rows)
    status, said = discover(*words)
    assert status == 2
    assert "name a new file" in said
    # The county's register knows the switch as d1, behind d3 alone.
    with inventory.open("a") as more:
        more.write(
            '[[target]]\ndevice = "d1"\naddress = "127.0.31.2"\ncredential = "ro"\n'
            f'port = {port}\nprofiles = ["generic", "interfaces"]\n'
        )
    beside = (*words[:-1], str(tmp_path / "beside.csv"), "--register", str(REGISTER))
    status, said = discover(*beside, "--timeout", "2", "--rate", "5000", "--root", "gateway")
    assert status == 0, said
    with (tmp_path / "beside.csv").open(encoding="utf-8", newline="") as file:
        switch = next(row for row in csv.DictReader(file) if row["device"] == "d1")
    assert switch["#变化 mark"] == "变 changed"
    assert "上级 parents: d3 → d3 old-gateway" in switch["#不同 differs"]


@pytest.mark.peers
def test_a_known_device_is_asked_as_it_is_known(tmp_path: Path) -> None:
    """A device that takes two communities keeps the one of its row, whatever stands first."""
    number = free_port(socket.SOCK_DGRAM, "127.0.31.5")
    snmpd = Snmpd(tmp_path, "127.0.31.5", extra="rocommunity write 127.0.0.0/8\n", port=number)
    inventory = tmp_path / "inventory.toml"
    inventory.write_text(
        '[[credential]]\nid = "watch"\ncommunity = "write"\n\n'
        '[[credential]]\nid = "ro"\ncommunity = "public"\n\n'
        '[[target]]\ndevice = "gw"\naddress = "127.0.31.5"\ncredential = "ro"\n'
        f'port = {number}\nprofiles = ["generic"]\n'
    )
    output = tmp_path / "targets.csv"
    try:
        snmpd.start()
        status, said = discover(
            "127.0.31.5",
            "--port",
            str(number),
            "-i",
            str(inventory),
            "-o",
            str(output),
            "--timeout",
            "5",
        )
    finally:
        snmpd.kill()
    assert status == 0, said
    with output.open(encoding="utf-8", newline="") as file:
        assert [row["credential"] for row in csv.DictReader(file)] == ["ro"]


def test_a_register_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "register")
    status, said = discover("127.0.31.9", "-o", str(tmp_path / "x.csv"), "--register", nowhere)
    assert status == 2
    assert nowhere in said
    assert "Traceback" not in said


def test_too_many_addresses_are_not_swept_by_accident(tmp_path: Path) -> None:
    output = tmp_path / "targets.csv"
    for network in (["127.0.0.0/16"], ["127.0.0.1-127.0.31.255", "::1"]):
        status, said = discover(*network, "-o", str(output))
        assert status == 2
        assert "say --limit if you mean it" in said
    status, said = discover("127.0.31.1/24", "-o", str(output))
    assert (status, output.exists()) == (2, False)


@pytest.mark.peers
def test_the_credential_by_hand_is_named_and_never_shown(port: int, tmp_path: Path) -> None:
    output = tmp_path / "targets.csv"
    status, said = discover(
        "127.0.31.3", "--port", str(port), "--community", "secret", "--call-it", "ups-ro",
        "-o", str(output), "--timeout", "20",
    )  # fmt: skip
    assert status == 0, said
    written = output.read_text(encoding="utf-8")
    assert "ups-ro" in written
    assert "secret" not in written + said
