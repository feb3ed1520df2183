"""The web application: pages, interface, events; started and ended with ``serving``.

::

    async with serving(source, WebSettings()) as url:
        ...

It reads boards that never change and hands orders to the source; the collector's owner task
never waits for it.
"""

from __future__ import annotations

import functools
import secrets
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from collector.web.api import ROUTES, Api, Handle
from collector.web.assets import Asset, load, takes_gzip
from collector.web.events import Hub
from collector.web.guard import RefusedRequest, make_guard
from collector.web.source import Source
from collector.web.textpage import text_page
from config.settings import WebSettings

MOST_BODY: Final = 128 * 1024
PAGES: Final = (
    "/",
    "/devices",
    "/devices/{id}",
    "/sites",
    "/sites/{id}",
    "/alarms",
    "/maintenance",
    "/warning",
    "/analysis",
    "/keys",
)
"""Paths of the pages: all of them get ``index.html``, whose modules read the path."""


def make_app(source: Source, names: frozenset[str] = frozenset()) -> web.Application:
    """The application over ``source``; ``names`` are host names under which it may be asked."""
    hub = Hub(source)
    api = Api(source, hub, secrets.token_hex(4))
    assets = load()
    app = web.Application(middlewares=[make_guard(names)], client_max_size=MOST_BODY)
    for route in ROUTES:
        assert route.handle is not None
        app.router.add_route(route.method, route.path, functools.partial(_call, route.handle, api))
    for path in PAGES:
        app.router.add_get(path, functools.partial(_asset, assets["index.html"]))
    app.router.add_get("/text", functools.partial(_text, api))
    app.router.add_get("/sw.js", functools.partial(_asset, assets["sw.js"]))
    app.router.add_get("/favicon.ico", functools.partial(_asset, assets["icon.svg"]))
    app.router.add_get("/static/{path:.+}", functools.partial(_static, assets))

    async def close(_: web.Application) -> None:
        hub.close()
        await api.reader.close()

    app.on_shutdown.append(close)
    return app


async def _call(handle: Handle, api: Api, request: web.Request) -> web.StreamResponse:
    return await handle(api, request)


async def _asset(asset: Asset, request: web.Request) -> web.Response:
    return asset.answer(request)


async def _static(assets: dict[str, Asset], request: web.Request) -> web.Response:
    asset = assets.get(request.match_info["path"])
    if asset is None:
        raise RefusedRequest(404, "no_such_file", "没有此文件", "no such file")
    return asset.answer(request)


async def _text(api: Api, request: web.Request) -> web.Response:
    lang = "en" if request.query.get("lang") == "en" else "zh"
    moment = api.now()
    key = f"text.{lang}"
    if key not in moment.cache:
        moment.cache[key] = text_page(moment, lang)
    response = web.Response(
        body=moment.cache[key],
        content_type="text/html",
        charset="utf-8",
        headers={"Cache-Control": "no-cache", "Vary": "Accept-Encoding"},
    )
    if takes_gzip(request):
        response.enable_compression(web.ContentCoding.gzip)
    return response


@asynccontextmanager
async def serving(source: Source, settings: WebSettings) -> AsyncIterator[str]:
    """Serve until the block ends; yields the address, with the port that was bound.

    Raises OSError when the address cannot be bound or a certificate cannot be read.
    """
    names = frozenset({*map(str.casefold, settings.names), socket.gethostname().casefold()})
    runner = web.AppRunner(
        make_app(source, names), access_log=None, handle_signals=False, shutdown_timeout=2.0
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, ssl_context=_tls(settings))
        await site.start()
        port = runner.addresses[0][1]
        scheme = "https" if settings.certfile else "http"
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        yield f"{scheme}://{host}:{port}"
    finally:
        await runner.cleanup()


def _tls(settings: WebSettings) -> ssl.SSLContext | None:
    if settings.certfile is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(settings.certfile, settings.keyfile)
    return context
