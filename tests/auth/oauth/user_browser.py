"""A browser whose user signs in and allows access wherever a page requires it."""

from urllib.parse import urljoin

import httpx

from tests.auth.oauth.form import form_of


def browse(url: str, username: str, password: str, *, consents: bool = True) -> str:
    """The first redirect to another origin, which is not requested."""
    origin = urljoin(url, "/").removesuffix("/")
    with httpx.Client(trust_env=False, headers={"Origin": origin}) as client:
        response = client.get(url)
        for _ in range(10):
            redirect = response.next_request
            if redirect is None:
                assert response.status_code == 200, response.text
                form = form_of(response.text)
                is_sign_in = "password" in form.fields
                assert is_sign_in or consents, "a page asks for consent"
                fields = {"username": username, "password": password} if is_sign_in else {"decision": "allow"}
                response = client.post(urljoin(str(response.url), form.action), data=form.fields | fields)
            elif str(redirect.url).startswith(f"{origin}/"):
                response = client.send(redirect)
            else:
                return str(redirect.url)
    raise AssertionError(f"too many steps, at {response.url}")
