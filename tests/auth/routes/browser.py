"""The web app in a browser, as the API sees it."""

import httpx

from tests.auth.application import Application

OWN = {"Origin": "http://localhost:8000", "X-Requested-With": "raylens"}
"""What the web app's writes come with."""


def browser(application: Application, secret: str | None = None) -> httpx.AsyncClient:
    """Signed in by a session's secret; use it in ``async with``."""
    return application.client(headers=OWN, cookies={application.auth.cookie.name: secret} if secret else {})


def program(application: Application, secret: str) -> httpx.AsyncClient:
    """Something that gets in with a token or a key; use it in ``async with``."""
    return application.client(headers={"Authorization": f"Bearer {secret}"})
