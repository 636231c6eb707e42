"""What tests of the deployment share: nginx before servers of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scoreboard_server.app import Server

from .nginx import Nginx

StartNginx = Callable[..., Nginx]


@pytest.fixture
def start_nginx(tmp_path: Path) -> Iterator[StartNginx]:
    """Start the example's nginx before these servers; ended with the test."""
    started: list[Nginx] = []

    def start(*servers: Server) -> Nginx:
        nginx = Nginx(tmp_path / f"nginx{len(started)}", [server.port for server in servers])
        started.append(nginx)
        nginx.start()
        return nginx

    yield start
    for nginx in started:
        nginx.stop()
