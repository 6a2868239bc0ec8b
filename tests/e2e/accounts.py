"""Accounts of the running service, created over the API or the command line."""

import httpx

from tests.service import Service

PASSWORD = "eleven quiet lighthouses"


def register_account(service: Service, name: str) -> str:
    """Register a user; returns the name."""
    response = httpx.post(f"{service.url}/auth/users/", json=credentials(name), timeout=30)
    assert response.status_code == 201, response.text
    return name


def create_token(service: Service, name: str) -> str:
    """A token of a newly registered user."""
    register_account(service, name)
    response = httpx.post(f"{service.url}/auth/token/login/", json=credentials(name), timeout=30)
    assert response.status_code == 200, response.text
    return str(response.json()["auth_token"])


def create_administrator(service: Service, name: str) -> str:
    """Create an administrator with ``raylens users create-admin``; returns the name."""
    service.run("users", "create-admin", name, "--password-stdin", stdin=PASSWORD)
    return name


def credentials(name: str) -> dict[str, str]:
    return {"username": name, "password": PASSWORD}
