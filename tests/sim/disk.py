"""A disk that can fail, under the real SQLite: a VFS over the unix one, by ctypes.

Reads, locks and shared memory are SQLite's own code; writes, truncations and syncs pass through
here. So the very library that ``sqlite3`` uses writes real files, and this module can let a sync
fail (EIO), have no room, end the process at any write, or cut the power: whatever was written
and not synced is then lost, wholly or in part and in any order (sectors of a page stay whole).
https://www.sqlite.org/vfs.html, https://www.sqlite.org/c3ref/io_methods.html
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

_IOERR_WRITE: Final = 10 | (3 << 8)
_IOERR_FSYNC: Final = 10 | (4 << 8)
_IOERR_TRUNCATE: Final = 10 | (6 << 8)
_FULL: Final = 13

# The name stays SQLite's own memory: the unix VFS keeps the pointer as long as the file is open.
_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_CLOSE = CFUNCTYPE(c_int, c_void_p)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


class _Vfs(Structure):
    _fields_ = [
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", c_void_p),
        ("rest", c_void_p * 15),
    ]


class _Methods(Structure):
    _fields_ = [
        ("iVersion", c_int),
        ("xClose", c_void_p),
        ("xRead", c_void_p),
        ("xWrite", c_void_p),
        ("xTruncate", c_void_p),
        ("xSync", c_void_p),
        ("rest", c_void_p * 13),
    ]


class Change(NamedTuple):
    """An unsynced change of a file: what stood there before (None: beyond the end), what now.

    ``size`` is the file's size before it; ``new`` None: it was cut to ``at``.
    """

    at: int
    old: bytes
    new: bytes | None
    size: int


@dataclass(eq=False)
class _File:
    path: str
    handle: int
    size: int
    unsynced: list[Change] = field(default_factory=list)


class Disk:
    """What one process has under ``folder``. ``killed`` is called when a fault ends the process.

    ``end_after`` counts writes and syncs of files with ``end_in`` in their names down to such an
    end; ``eio`` fails the next sync.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.killed: Callable[[], None] = lambda: None
        self.full = False
        self.eio = False
        self.end_after: int | None = None
        self.end_in = ""
        self.generation = 0
        self.dead = False
        self.syncs = 0
        self.writes = 0
        self._files: dict[str, _File] = {}

    def begin(self) -> None:
        """A new life of the process: what is still open of the last one stays without effect."""
        self.generation += 1
        self.dead = False
        self.end_after = None
        self.eio = False

    def cut_power(self, random: Random) -> int:
        """Lose what was not synced, or any part of it; how many changes. Then ``part``."""
        return sum(_lose(file, random) for _, file in sorted(self._files.items()))

    def part(self) -> None:
        """The process has ended: whoever opens its files now gets others with the same bytes.

        A cursor somewhere in a traceback can keep a connection open, and with it the shared memory
        and the locks of a file that SQLite knows by its inode.
        """
        self.close()
        for shm in self.folder.glob("*-shm"):
            shm.unlink()
        for path in sorted(self.folder.glob("*.db*")):
            copy = path.with_name(f"copy-{path.name}")
            shutil.copy(path, copy)
            copy.replace(path)

    def close(self) -> None:
        for file in self._files.values():
            os.close(file.handle)
        self._files.clear()

    def _file(self, path: str) -> _File:
        """The file as it is now; one that was removed and made again is another."""
        known = self._files.get(path)
        status = Path(path).stat()
        if known is not None and os.fstat(known.handle).st_ino == status.st_ino:
            return known
        if known is not None:
            os.close(known.handle)
        handle = os.open(path, os.O_RDWR)
        known = self._files[path] = _File(path, handle, status.st_size)
        return known

    def _step(self, file: _File) -> bool:
        """One write or sync more; False when the process ended at it."""
        if self.end_after is not None and self.end_in in file.path:
            self.end_after -= 1
            if self.end_after <= 0:
                self.end_after = None
                self.dead = True
                self.killed()
        return not self.dead


def _lose(file: _File, random: Random) -> int:
    """Undo all unsynced changes, then do some of them again."""
    changes, file.unsynced = file.unsynced, []
    for change in reversed(changes):
        os.ftruncate(file.handle, change.size)
        if change.old:
            os.pwrite(file.handle, change.old, change.at)
    keep = random.choice((0.0, 0.0, 0.5, 0.9))
    lost = 0
    for change in changes:
        if random.random() >= keep:
            lost += 1
        elif change.new is None:
            os.ftruncate(file.handle, change.at)
        else:
            os.pwrite(file.handle, change.new, change.at)
    file.size = os.fstat(file.handle).st_size
    return lost


class Disks:
    """The VFS while it is in force: all files below a disk's folder are that disk's."""

    def __init__(self) -> None:
        self.disks: list[Disk] = []
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        library.sqlite3_vfs_find.argtypes = [c_char_p]
        self._library = library
        self._unix = library.sqlite3_vfs_find(b"unix")
        if not self._unix:
            raise RuntimeError("this Python's sqlite3 hides its library: no simulated disk")
        self._vfs = _Vfs()
        ctypes.memmove(ctypes.byref(self._vfs), self._unix, ctypes.sizeof(_Vfs))
        self._name = b"wanglou-sim"
        self._vfs.zName = self._name
        self._vfs.pNext = None
        self._unix_open = _OPEN(self._unix.contents.xOpen)
        self._keep: list[Any] = []
        self._open_files: dict[int, tuple[Disk, _File, int]] = {}
        self._methods: dict[int, _Methods] = {}
        self._vfs.xOpen = self._kept(_OPEN(self._open))
        self.seen = 0

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """SQLite's default VFS is ours inside."""
        if self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1):
            raise RuntimeError("SQLite refused the simulated disk")
        try:
            yield
        finally:
            self._library.sqlite3_vfs_register(self._unix, 1)
            self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs))
            for disk in self.disks:
                disk.close()
            self.disks.clear()

    def disk(self, folder: Path) -> Disk:
        disk = Disk(folder)
        self.disks.append(disk)
        return disk

    def _kept(self, function: Any) -> int:
        self._keep.append(function)
        return ctypes.cast(function, c_void_p).value or 0

    def _open(self, _: int, name: int | None, file: int, flags: int, out: int) -> int:
        code: int = self._unix_open(ctypes.addressof(self._unix.contents), name, file, flags, out)
        if code or name is None:
            return code
        path = os.fsdecode(ctypes.string_at(name))
        for disk in self.disks:
            if path.startswith(f"{disk.folder}/"):
                self.seen += 1
                self._open_files[file] = (disk, disk._file(path), disk.generation)
                slot = ctypes.cast(file, POINTER(c_void_p))
                slot[0] = self._patched(slot[0] or 0)
                break
        return code

    def _patched(self, address: int) -> int:
        """Our copy of the io methods at ``address``."""
        known = self._methods.get(address)
        if known is None:
            known = self._methods[address] = _Methods.from_buffer_copy(
                ctypes.string_at(address, ctypes.sizeof(_Methods))
            )
            close, write = _CLOSE(known.xClose), _WRITE(known.xWrite)
            truncate, sync = _TRUNCATE(known.xTruncate), _SYNC(known.xSync)
            known.xClose = self._kept(_CLOSE(lambda file: self._close(file, close)))
            known.xWrite = self._kept(
                _WRITE(lambda file, data, size, at: self._write(file, data, size, at, write))
            )
            known.xTruncate = self._kept(
                _TRUNCATE(lambda file, size: self._truncate(file, size, truncate))
            )
            known.xSync = self._kept(_SYNC(lambda file, flags: self._sync(file, flags, sync)))
        return ctypes.addressof(known)

    def _close(self, address: int, close: Callable[[int], int]) -> int:
        self._open_files.pop(address, None)
        return close(address)

    def _write(self, address: int, data: int, size: int, at: int, write: Callable[..., int]) -> int:
        disk, file, generation = self._open_files[address]
        if generation != disk.generation or not disk._step(file):
            return _IOERR_WRITE
        if disk.full and at + size > file.size:
            return _FULL
        disk.writes += 1
        old = os.pread(file.handle, size, at) if at < file.size else b""
        file.unsynced.append(Change(at, old, ctypes.string_at(data, size), file.size))
        file.size = max(file.size, at + size)
        return write(address, data, size, at)

    def _truncate(self, address: int, size: int, truncate: Callable[..., int]) -> int:
        disk, file, generation = self._open_files[address]
        if generation != disk.generation or not disk._step(file):
            return _IOERR_TRUNCATE
        old = os.pread(file.handle, max(0, file.size - size), size)
        file.unsynced.append(Change(size, old, None, file.size))
        file.size = size
        return truncate(address, size)

    def _sync(self, address: int, _flags: int, _sync: Callable[..., int]) -> int:
        """Nothing but our word: the files are on a memory disk."""
        disk, file, generation = self._open_files[address]
        if generation != disk.generation or not disk._step(file):
            return _IOERR_FSYNC
        if disk.eio:
            disk.eio = False
            return _IOERR_FSYNC
        disk.syncs += 1
        file.unsynced.clear()
        return 0


@cache
def disks() -> Disks:
    """The one of this process: what SQLite may call must never go away."""
    return Disks()
