"""The OAuth server on a port of its own, and a user with a browser."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx
from sqlalchemy import Engine

from tests.auth.application import Application, create
from tests.auth.oauth.form import form_of
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


@dataclass
class UserBrowser:
    """Signs alice in and allows access wherever a page requires it."""

    address: str

    def __post_init__(self) -> None:
        self._http = httpx.Client()

    def close(self) -> None:
        self._http.close()

    def visit(self, url: str) -> str:
        """The first redirect to another site."""
        response = self._http.get(url)
        for _ in range(10):
            if response.is_redirect:
                url = urljoin(str(response.url), response.headers["location"])
                if not url.startswith(f"{self.address}/"):
                    return url
                response = self._http.get(url)
            else:
                response = self._submit(response)
        raise AssertionError(f"too many steps, at {response.url}")

    def _submit(self, page: httpx.Response) -> httpx.Response:
        assert page.status_code == 200, page.text
        form = form_of(page.text)
        fields = {"username": "alice", "password": PASSWORD} if "password" in form.fields else {"decision": "allow"}
        url = urljoin(str(page.url), form.action)
        return self._http.post(url, data=form.fields | fields, headers={"Origin": self.address})
