"""A whole agent with version 3 credentials: what it says, and what nobody gets to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.test_app import PATIENT_S, AgentProcess, Collector, settings
from tests.peers import mosquitto, snmpd
from wire.observation import Method, Outcome

SECRETS = ("auth-password", "priv-password", "another-password")


@pytest.mark.peers
def test_measured_refused_by_name_and_no_secret_shown(tmp_path: Path) -> None:
    extra = "createUser watch SHA-256 auth-password AES priv-password\nrouser watch priv\n"
    with (
        mosquitto(tmp_path) as broker,
        snmpd(tmp_path, "127.0.0.45", extra) as good,
        snmpd(tmp_path, "127.0.0.46", extra) as bad,
        snmpd(tmp_path, "127.0.0.47", extra) as other,
    ):
        hosts = [good, bad, other]
        settings(tmp_path, broker.port, hosts, patience_s=PATIENT_S)
        targets = (tmp_path / "inventory.toml").read_text(encoding="utf-8").partition("[[cred")[0]
        targets = targets.replace('"public"', '"watch"', 1).replace('"public"', '"wrong"', 1)
        targets = targets.replace(
            'credential = "public"', 'credential = "watch"\nengine = "pysnmp"'
        )
        for number, secret in enumerate(SECRETS):
            (tmp_path / f"secret{number}").write_text(f"{secret}\n", encoding="utf-8")
        users = "".join(
            f'[[credential]]\nid = "{name}"\nversion = "3"\nuser = "watch"\nauth = "SHA-256"\n'
            f'auth_password_file = "secret{auth}"\npriv = "AES"\npriv_password_file = "secret1"\n'
            for name, auth in (("watch", 0), ("wrong", 2))
        )
        (tmp_path / "inventory.toml").write_text(f"{targets}\n{users}", encoding="utf-8")
        agent = AgentProcess(tmp_path)
        collector = Collector(broker.port)
        try:
            agent.start()
            collector.until(
                lambda: (
                    {
                        ("d1", Outcome.MEASURED, ""),
                        ("d2", Outcome.REFUSED, "wrongDigests"),
                        ("d3", Outcome.MEASURED, ""),
                    }
                    <= {
                        (look.device, look.outcome, look.reason)
                        for look in collector.looks()
                        if look.method is Method.SNMP
                    }
                ),
                "what each device says",
            )
            assert agent.process is not None
            lines = list(_commands(agent.process.pid))
            assert any("pysnmp_worker" in line for line in lines)
            assert not [line for line in lines if any(secret in line for secret in SECRETS)]
            assert agent.stop() == 0
        finally:
            agent.kill()
            collector.close()
        told = [str(agent.lines), *map(repr, collector.items), str(collector.births)]
        assert not [text for text in told if any(secret in text for secret in SECRETS)]


def _commands(pid: int) -> list[str]:
    """Command lines of a process and its children."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == pid or stat.parent.name == str(pid):
                found.append((stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found
