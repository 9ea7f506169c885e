"""``veriscope serve``: one process for HTTP, and the ones that it starts."""

from __future__ import annotations

import os
import socket
from types import FrameType

import uvicorn
from limits import parse
from sqlalchemy.exc import SQLAlchemyError

from veriscope.api.app import create_app
from veriscope.config import Settings
from veriscope.errors import BadSetting
from veriscope.fusion import load_policy
from veriscope.jobs.log import configure
from veriscope.jobs.process import no_core_dumps
from veriscope.jobs.results import open_store
from veriscope.media.signing import Signer
from veriscope.routing import load_route

FINISH_SECONDS = 30  # answers under way may finish


class _Server(uvicorn.Server):
    """Ends event streams as soon as it is told to stop; they would hold up the shutdown."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        del sig, frame
        if self.should_exit:
            # Here and now: on the orderly way out, what is still going on would be cancelled with a trace each, or
            # waited for. The processes notice that this one is gone, and go as well.
            os._exit(1)
        self.should_exit = True
        service = getattr(self.config.app.state, "service", None)  # type: ignore[union-attr]
        if service is not None:
            service.hub.close()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            name = f"[{host}]" if ":" in host else host
            print(f"Veriscope is ready at http://{name}:{port}", flush=True)


def _bind(settings: Settings) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as exc:
        raise BadSetting(
            f"The address {settings.host}:{settings.port} cannot be used: {exc.strerror}.",
            hint="Is something else running there? Choose another with --port.",
        ) from exc
    return bound


def _check(settings: Settings) -> None:
    """Fail here, in one sentence, over what would otherwise fail in every process later."""
    load_policy(settings.fusion, settings.policy_file)
    load_route(settings.routing, settings.routing_file)
    for name in ("rate_limit", "upload_rate_limit"):
        try:
            parse(getattr(settings, name))
        except ValueError as exc:
            raise BadSetting(f"The setting {name} is wrong: {exc}.", hint="Write it like 120/minute.") from exc
    if signer := Signer.of(settings.c2pa_certificate, settings.c2pa_key):
        signer.load()
    try:
        open_store(settings).close()
    except (OSError, SQLAlchemyError) as exc:
        raise BadSetting(f"The records cannot be opened: {str(exc).splitlines()[0]}.") from exc


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; a second one stops at once. No process is left behind.

    Raises:
        BadSetting: a setting cannot be used, or the address cannot.
    """
    no_core_dumps()
    configure(settings)
    _check(settings)
    with _bind(settings) as listening:
        server = _Server(
            uvicorn.Config(
                create_app(settings),
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                lifespan="on",
                timeout_graceful_shutdown=FINISH_SECONDS,
            )
        )
        server.run(sockets=[listening])
