"""What is no configuration at all gets a clear sentence too."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from config.faults import ConfigError
from config.io.load import (
    load_agent_settings,
    load_inventory,
    load_policy,
    load_profiles,
    load_register,
)
from config.io.read import MAX_FILE
from config.io.survey import survey


def sentence(path: Path) -> tuple[str, int]:
    result = survey([path])
    assert len(result.errors) == 1
    return result.errors[0].sentence, result.exit_code


@pytest.mark.parametrize("suffix", [".toml", ".csv", ".xlsx", ""])
def test_missing(tmp_path: Path, suffix: str) -> None:
    assert sentence(tmp_path / f"no{suffix}") == ("文件不存在 / no such file", 2)


def test_a_folder_without_configuration(tmp_path: Path) -> None:
    said, code = sentence(tmp_path)
    assert said == "文件夹里没有配置文件 / the folder holds no configuration"
    assert code == 1


@pytest.mark.parametrize("load", [load_agent_settings, load_inventory, load_policy])
def test_a_folder_instead_of_a_file(tmp_path: Path, load: object) -> None:
    assert callable(load)
    with pytest.raises(ConfigError, match="这是文件夹"):
        load(tmp_path)


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "profiles"
    file.write_text("x")
    with pytest.raises(ConfigError, match="Not a directory"):
        load_profiles(file)


def test_huge(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    with file.open("wb") as out:
        out.truncate(MAX_FILE + 1)
    said, code = sentence(file)
    assert said.startswith("文件太大")
    assert code == 2


def test_no_regular_file(tmp_path: Path) -> None:
    pipe = tmp_path / "agent.toml"
    os.mkfifo(pipe)
    assert sentence(pipe) == ("不是普通文件 / is not a regular file", 2)


def test_unreadable() -> None:
    said, code = sentence(Path("/proc/self/mem"))  # opens, and every read at 0 fails
    assert said.startswith("无法读取")
    assert code == 2


def test_a_name_that_no_system_takes() -> None:
    said, code = sentence(Path("a\0b.toml"))
    assert said.startswith("无法读取")
    assert code == 2


@pytest.mark.parametrize("suffix", [".toml", ".csv", ".xlsx"])
def test_garbage(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"register{suffix}"
    file.write_bytes(bytes(range(256)) * 4)
    said, code = sentence(file)
    assert code == 1
    assert said.startswith(("不是", "有不允许的字符"))


def test_nested_beyond_reason(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("[agent]\nid = " + "[" * 100_000)
    said, code = sentence(file)
    assert said.startswith("嵌套太深")
    assert code == 1


def test_a_number_of_a_million_digits(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("[agent]\nid = " + "1" * 1_000_000)
    assert sentence(file)[1] == 1


def test_a_workbook_that_unpacks_to_a_bomb(tmp_path: Path) -> None:
    file = tmp_path / "register.xlsx"
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("xl/workbook.xml", "w", force_zip64=True) as out,
    ):
        for _ in range(520):
            out.write(bytes(1024 * 1024))
    with pytest.raises(ConfigError, match="解压后太大"):
        load_register(file)


def test_too_many_rows(tmp_path: Path) -> None:
    file = tmp_path / "sites.csv"
    file.write_text("id,name,operator,town\n" + "a,b,c,d\n" * 200_001)
    said, code = sentence(file)
    assert said.startswith("超过 200000 行")
    assert code == 1
