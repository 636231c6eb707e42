"""The routes of a server, by the names that they have in the description."""

from __future__ import annotations

from ..conftest import Api


def routes(api: Api) -> set[str]:
    """All of them."""
    application = api.server._http.request_callback._application  # type: ignore[union-attr]
    return {rule.target_kwargs["route"] for rule in application.wildcard_router.rules}
