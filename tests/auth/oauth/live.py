"""The OAuth server on a port of its own, at the machine's time, and a user with a browser."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx
from sqlalchemy import Engine

from tests.auth.application import Application, create
from tests.auth.oauth.form import form_of
from tests.auth.oauth.partner import HERE
from tests.auth.web_server import SwitchableApp, running_server
from tests.clock import MovableClock

PASSWORD = "a long and simple sentence"


class MachineClock(MovableClock):
    def __call__(self) -> float:
        return time.time()


@contextmanager
def live(engine: Engine) -> Iterator[Application]:
    """At ``auth.settings.public_url``; alice has an account."""
    switchable = SwitchableApp()
    with running_server(switchable) as address:
        application = create(engine, MachineClock(), public_url=address)
        application.auth.accounts.register("alice", PASSWORD, source=HERE)
        switchable.app = application
        yield application


@dataclass
class Surfer:
    """Alice and her browser: signs in where she is asked to, and allows what she is asked for."""

    address: str

    def __post_init__(self) -> None:
        self._http = httpx.Client()

    def close(self) -> None:
        self._http.close()

    def visit(self, url: str) -> str:
        """Where the way ends, at another site."""
        response = self._http.get(url)
        for _ in range(10):
            if response.is_redirect:
                url = urljoin(str(response.url), response.headers["location"])
                if not url.startswith(f"{self.address}/"):
                    return url
                response = self._http.get(url)
            else:
                response = self._fill_in(response)
        raise AssertionError(f"the way does not end: {response.url}")

    def _fill_in(self, page: httpx.Response) -> httpx.Response:
        assert page.status_code == 200, page.text
        form = form_of(page.text)
        asked = {"username": "alice", "password": PASSWORD} if "password" in form.fields else {"decision": "allow"}
        url = urljoin(str(page.url), form.action)
        return self._http.post(url, data=form.fields | asked, headers={"Origin": self.address})
