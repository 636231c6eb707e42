"""The routes of a server, by the names that they have in the description."""

from __future__ import annotations

from tornado.routing import Rule
from tornado.web import Application

from scoreboard_server.web.express import Express

from ..conftest import Api
from .insides import senders_of


def rules(api: Api) -> list[Rule]:
    """Those of handlers; the short road is one to the address of the next."""
    application = senders_of(api)._application
    assert isinstance(application, Application)
    return [rule for rule in application.wildcard_router.rules if not isinstance(rule.target, Express)]


def routes(api: Api) -> set[str]:
    """All of them."""
    return {rule.target_kwargs["route"] for rule in rules(api)}
