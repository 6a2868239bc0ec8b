"""The OAuth server on a port of its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from tests.auth.application import Application, create
from tests.auth.oauth.partner import SOURCE
from tests.auth.web_server import SwitchableApp, running_server
from tests.clock import MovableClock

PASSWORD = "a long and simple sentence"


class SystemClock(MovableClock):
    def __call__(self) -> float:
        return time.time()


@contextmanager
def oauth_server(engine: Engine, clock: MovableClock | None = None) -> Iterator[Application]:
    """Listens at ``auth.settings.public_url``."""
    switchable = SwitchableApp()
    with running_server(switchable) as address:
        switchable.app = application = create(engine, clock, public_url=address)
        yield application


@contextmanager
def oauth_server_with_user(engine: Engine) -> Iterator[Application]:
    """At the system time, with the user alice."""
    with oauth_server(engine, SystemClock()) as application:
        application.auth.accounts.register("alice", PASSWORD, source=SOURCE)
        yield application
