"""``wanglou check``: every fault of configuration files at once, in an operator's words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from config.io.survey import Survey


def check(
    paths: list[Path] = typer.Argument(
        ..., metavar="FILE|FOLDER…", help="设置、登记册、清单、预案、参数、模板 / any of our files"
    ),
    as_json: bool = typer.Option(False, "--json", help="输出 JSON / print JSON"),
) -> None:
    """检查配置文件 / check configuration files and all that they name.

    Exit code 0: sound (notes apart), 1: an error, 2: a file that cannot be read.
    """
    import json

    from config.io.survey import survey

    result = survey(paths)
    if as_json:
        print(json.dumps(as_dict(result), ensure_ascii=False))
    else:
        show(result)
    raise typer.Exit(result.exit_code)


def as_dict(result: Survey) -> dict[str, Any]:
    """The survey for machines."""
    return {
        "ok": not result.errors,
        "files": [{"file": file, "kind": what} for file, what in result.files.items()],
        "faults": [
            {
                "kind": fault.kind,
                "file": fault.file,
                "line": fault.line,
                "key": fault.key,
                "zh": fault.saying.zh,
                "en": fault.saying.en,
                "hint": fault.saying.hint,
            }
            for fault in result.faults
        ],
    }


def show(result: Survey) -> None:
    """One line per fault, grouped by file, and a summary."""
    from config.faults import Kind

    before = None
    for fault in result.faults:
        if before not in (None, fault.file):
            print()
        before = fault.file
        line = f":{fault.line}" if fault.line is not None else ""
        mark = "注意 note: " if fault.kind is Kind.NOTE else ""
        print(f"{fault.file}{line}: {mark}{fault.sentence}")
    if result.faults:
        print()
    files, errors, notes = len(result.files), len(result.errors), len(result.notes)
    verdict = "有错误 not sound" if errors else "没有错误 sound"
    print(f"{verdict}: {files} 个文件 files, {errors} 个错误 errors, {notes} 个提示 notes")
