"""Processes that poll: ours and the peers', each told when to do a round."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
OWN: Final = Path(sys.executable)
_ENVIRONMENT: Final = ROOT / ".venv-bench"
_WANTED: Final = ROOT / "bench" / "requirements.txt"
_SOURCES: Final = ROOT / "bench" / "c"
_BUILT: Final = ROOT / "var" / "bench-c"


class Missing(Exception):  # noqa: N818  it says what is missing
    """A peer cannot be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one poller."""

    cpu_s: float
    wall_s: float
    count: int

    @property
    def us(self) -> float:
        """CPU microseconds per device."""
        return self.cpu_s / self.count * 1e6


@dataclass(frozen=True, slots=True)
class Peer:
    """A poller: its module in ``bench.pollers``, its Python, how many devices it gets.

    ``kept``: it may keep what it opened for a device. ``binary``: a program instead of a module.
    """

    name: str
    module: str
    devices: int
    python: Path = OWN
    kept: bool = False
    binary: Path | None = None

    @property
    def argv(self) -> list[str]:
        if self.binary is not None:
            return [str(self.binary)]
        return [str(self.python), "-m", f"bench.pollers.{self.module}"]


class Poller:
    """A running poller."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name = name
        self._process = process

    def round(self) -> Sample:
        """One look at all of its devices. Raises RuntimeError when it lost one."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return Sample(**self.hear())

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self._process.wait(10)}")
        return dict(json.loads(line))


@contextmanager
def poller(peer: Peer, job: dict[str, Any], before: Sequence[str] = ()) -> Iterator[Poller]:
    """A poller that has its job and is ready. ``before``: what its command line begins with."""
    with subprocess.Popen(
        [*before, *peer.argv], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            one = Poller(peer.name, process)
            one.hear()
            yield one
        finally:
            process.kill()


def interleaved(
    peers: Sequence[Peer], job: dict[str, Any], addresses: Sequence[str], rounds: int
) -> dict[str, list[Sample]]:
    """``rounds`` rounds of each peer in turn, after one that is not counted."""
    found: dict[str, list[Sample]] = {peer.name: [] for peer in peers}
    with ExitStack() as stack:
        pollers = [stack.enter_context(poller(peer, _for(peer, job, addresses))) for peer in peers]
        for one in pollers:
            one.round()
        for _ in range(rounds):
            for one in pollers:
                found[one.name].append(one.round())
    return found


def _for(peer: Peer, job: dict[str, Any], addresses: Sequence[str]) -> dict[str, Any]:
    return {**job, "addresses": addresses[: peer.devices], "kept": peer.kept}


def environment() -> Path:
    """The Python of the environment with the peers, made when missing. Raises Missing."""
    python = _ENVIRONMENT / "bin" / "python"
    mark = _ENVIRONMENT / ".done"
    if mark.exists() and mark.stat().st_mtime >= _WANTED.stat().st_mtime:
        return python
    print("bench: installing the peers into .venv-bench", file=sys.stderr)
    try:
        subprocess.run([sys.executable, "-m", "venv", _ENVIRONMENT], check=True)
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        subprocess.run([*pip, "-r", str(_WANTED)], check=True, stdout=sys.stderr)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"gufo_snmp and aiosnmp could not be installed: {error}") from error
    mark.touch()
    return python


def program(name: str, *packages: str) -> str:
    """The path of a Debian program, installed when missing and allowed. Raises Missing.

    ``packages``: where it is not the one of its name.
    """
    if found := shutil.which(name):
        return found
    install(*(packages or (name,)))
    if found := shutil.which(name):
        return found
    raise Missing(f"{name} is not in Debian's {' '.join(packages or (name,))}")


def install(*packages: str) -> None:
    """Install Debian packages to measure against; their services do not start. Raises Missing."""
    print(f"bench: installing Debian's {' '.join(packages)} to measure against", file=sys.stderr)
    argv = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    try:
        subprocess.run(argv, check=True, stdout=sys.stderr, env={**os.environ, "RUNLEVEL": "1"})
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"{' '.join(packages)} could not be installed: {error}") from error


def compiled(name: str, *libraries: str, packages: Sequence[str] = ()) -> Path:
    """A program of ``bench/c``, compiled when its source is newer. Raises Missing.

    ``packages``: what the libraries' headers are in.
    """
    source, made = _SOURCES / f"{name}.c", _BUILT / name
    newest = max(path.stat().st_mtime for path in (source, _SOURCES / "frame.h"))
    if made.exists() and made.stat().st_mtime >= newest:
        return made
    if shutil.which("cc") is None:
        install("gcc", "libc6-dev")
    missing = [package for package in packages if not _installed(package)]
    if missing:
        install(*missing)
    _BUILT.mkdir(parents=True, exist_ok=True)
    argv = ["cc", "-O2", "-Wall", "-o", str(made), str(source), *(f"-l{one}" for one in libraries)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{source.name} does not compile: {done.stderr[-500:]}")
    return made


def unpacked(package: str, program_: str) -> Path:
    """A program of a Debian package, unpacked and not installed: no service of it ever starts.

    Raises Missing.
    """
    folder = _BUILT.parent / "bench-deb" / package
    path = folder / program_
    if path.exists():
        return path
    print(f"bench: fetching Debian's {package} to measure against", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", "-q", package], cwd=folder, check=True,
                       stdout=sys.stderr)  # fmt: skip
        (archive,) = folder.glob("*.deb")
        subprocess.run(["dpkg", "-x", archive, folder], check=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise Missing(f"{package} could not be fetched: {error}") from error
    return path


def _installed(package: str) -> bool:
    argv = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    return subprocess.run(argv, check=False, capture_output=True).stdout == b"installed"


@contextmanager
def farm(port: int, mib: str = "work") -> Iterator[None]:
    """The simulated devices in a process of their own."""
    argv = [sys.executable, "-m", "bench.farm", str(port), mib]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("the farm did not start")
            yield
        finally:
            process.kill()


def address(number: int) -> str:
    """The address of the ``number``-th simulated device."""
    return f"127.{10 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
