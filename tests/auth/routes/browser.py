"""Clients of the API: the web app in a browser, and programs."""

from httpx import AsyncClient

from tests.auth.application import Application

OWN = {"Origin": "http://localhost:8000", "X-Requested-With": "raylens"}
"""The headers of the web app's writes."""


def browser(application: Application, secret: str | None = None) -> AsyncClient:
    """The web app with the session of ``secret``; use it in ``async with``."""
    return application.client(headers=OWN, cookies={application.auth.cookie.name: secret} if secret else {})


def api_client(application: Application, secret: str) -> AsyncClient:
    """A program with a token or an API key; use it in ``async with``."""
    return application.client(headers={"Authorization": f"Bearer {secret}"})
