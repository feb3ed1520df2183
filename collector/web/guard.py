"""What every request passes: whose page asks, how often, and the headers of every answer.

FAULTS S9: no inline script or style, no framing, no other host, no request forged by a page of
another origin. The application itself trusts nobody: orders are signed by people's keys.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from collector.web.model import Problem
from wire.notice import Bilingual

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
READS: Final = frozenset({"GET", "HEAD"})


class RefusedRequest(Exception):  # noqa: N818  it is a verdict about a request, not a fault of ours
    """A request that gets ``status`` and a ``Problem``."""

    def __init__(self, status: int, error: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.status = status
        self.problem = Problem(error=error, text=Bilingual(zh=zh, en=en))


class Bucket:
    """At most ``burst`` at once and ``per_s`` on average; time is an argument (seconds)."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s, self._burst = per_s, burst
        self._left, self._at = float(burst), 0.0

    def take(self, now: float) -> bool:
        """Take one token at ``now``; false when there is none."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def known_host(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header names us: an address, ``localhost`` or a configured name.

    Another name that resolves to our address is how a foreign page reads an inner one (DNS
    rebinding).
    """
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 or host.startswith("[") else host
    name = name.strip("[]").casefold()
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def check(request: web.Request, names: frozenset[str]) -> None:
    """Raises RefusedRequest for a foreign host, a foreign page, or a body that is not JSON."""
    if not known_host(request.host, names):
        raise RefusedRequest(421, "unknown_host", "主机名不对", "this host name is not ours")
    if request.method in READS:
        return
    origin = request.headers.get("Origin")
    foreign = origin is not None and origin.split("://", 1)[-1] != request.host
    if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in {
        "same-origin",
        "none",
    }:
        raise RefusedRequest(403, "foreign_page", "请求来自别的网页", "asked by a foreign page")
    if request.content_type != "application/json":
        raise RefusedRequest(415, "not_json", "请求体须为 JSON", "the body must be JSON")


def problem(refused: RefusedRequest) -> web.Response:
    """The answer to a refused request."""
    return web.Response(
        status=refused.status,
        body=refused.problem.model_dump_json().encode(),
        content_type="application/json",
    )


def make_guard(names: frozenset[str]) -> Middleware:
    """The middleware around every handler."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            check(request, names)
            response = await handler(request)
        except RefusedRequest as refused:
            response = problem(refused)
        except web.HTTPException as error:
            said = RefusedRequest(error.status, "http", error.reason, error.reason)
            response = problem(said)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return guard
