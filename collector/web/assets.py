"""The static files, read once: bytes, compressed bytes, entity tag."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

FOLDER: Final = Path(__file__).parent / "static"
WORTH: Final = 1000
"""Bytes from which compressing is worth it."""

KINDS: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain",
    ".md": "text/plain",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    body: bytes
    packed: bytes | None
    tag: str
    kind: str

    @classmethod
    def of(cls, body: bytes, kind: str) -> Asset:
        packed = gzip.compress(body, 9, mtime=0) if len(body) > WORTH else None
        return cls(body, packed, f'"{hashlib.sha256(body).hexdigest()[:16]}"', kind)

    def answer(self, request: web.Request) -> web.Response:
        """The file, or 304 when the asker has it."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == self.tag:
            return web.Response(status=304, headers=headers)
        body = self.body
        if self.packed is not None and takes_gzip(request):
            headers["Content-Encoding"] = "gzip"
            body = self.packed
        return web.Response(body=body, headers=headers, content_type=self.kind, charset="utf-8")


def takes_gzip(request: web.Request) -> bool:
    return "gzip" in request.headers.get("Accept-Encoding", "")


def load(folder: Path = FOLDER) -> dict[str, Asset]:
    """Every file of the folder by its path, and the service worker with the list of them.

    Offline the pages need what ``index.html`` and the modules name; the chart's library is kept
    when it was first used.
    """
    assets = {
        file.relative_to(folder).as_posix(): Asset.of(file.read_bytes(), KINDS[file.suffix])
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
    shell = [f"/static/{name}" for name in assets if name.endswith((".js", ".css", ".svg"))]
    shell = [name for name in shell if not name.endswith("/sw.js") and "/vendor/" not in name]
    version = hashlib.sha256("".join(asset.tag for asset in assets.values()).encode()).hexdigest()
    worker = (
        f"const VERSION = {json.dumps(version[:16])};\nconst SHELL = {json.dumps(shell)};\n"
    ).encode() + assets["sw.js"].body
    assets["sw.js"] = Asset.of(worker, KINDS[".js"])
    return assets
