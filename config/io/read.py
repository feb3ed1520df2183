"""Bytes of a configuration file, or a sentence why there are none."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from config.faults import ConfigError, Place, error, unreadable

MAX_FILE: Final = 64 * 1024 * 1024
"""Bytes; a county's register of a hundred thousand devices takes a tenth of it."""


def read_bytes(path: Path) -> bytes:
    """The bytes of the regular file ``path``. Raises ConfigError.

    Its fault's kind is ``unreadable``, except for an empty file: that one was read, and is wrong.
    """
    name = str(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _refused(name, "这是文件夹，不是文件", "is a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise _refused(name, "不是普通文件", "is not a regular file")
        if status.st_size > MAX_FILE:
            raise _refused(
                name,
                f"文件太大：{status.st_size} 字节，上限 {MAX_FILE}",
                f"is too large: {status.st_size} bytes, the limit is {MAX_FILE}",
            )
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        raise _refused(name, "文件不存在", "no such file") from None
    except PermissionError:
        raise _refused(name, "没有读取权限", "permission denied") from None
    except (OSError, ValueError) as problem:
        words = getattr(problem, "strerror", None) or str(problem)
        raise _refused(name, f"无法读取：{words}", f"cannot be read: {words}") from None
    if not data.strip():
        raise ConfigError([error(Place(name, 1), "文件是空的", "the file is empty")])
    return data


def _refused(name: str, zh: str, en: str) -> ConfigError:
    return ConfigError([unreadable(name, zh, en)])
