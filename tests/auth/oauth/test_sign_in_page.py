"""Sign-in page and consent page."""

from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import httpx
import pytest

from auth.external.providers import Provider
from auth.http.redirect_target import safe_redirect_path
from tests.auth.application import Application, create
from tests.auth.oauth.form import form_of, links_of
from tests.auth.oauth.partner import CALLBACK, SOURCE, Partner, parameters_of
from tests.auth.user_factory import UserFactory

PASSWORD = "a long and simple sentence"
OTHER_ORIGINS = ("null", "https://evil.example")
UNSAFE_PATHS = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " /path",
    "path",
    "javascript:alert(1)",
    "",
    "/€",
    "/" + "x" * 9000,
]


@pytest.fixture
async def visitor(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a session; carol has an account."""
    application.auth.accounts.register("carol", PASSWORD, source=SOURCE)
    async with application.client() as visitor:
        yield visitor


async def sign_in(browser: httpx.AsyncClient, page: httpx.Response, **fields: str) -> httpx.Response:
    form = form_of(page.text)
    assert form.fields.keys() == {"username", "password"}
    data = {"username": "carol", "password": PASSWORD, **fields}
    return await browser.post(form.action, data=data, headers={"Origin": "http://localhost:8000"})


async def test_sign_in_and_consent(partner: Partner, visitor: httpx.AsyncClient):
    partner.browser = visitor
    redirect = await partner.authorize(prompt="login")
    page = await visitor.get(redirect.headers["location"])
    assert page.status_code == 200
    assert "<strong>Partner</strong>" in page.text
    response = await sign_in(visitor, page)
    assert response.status_code == 303
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("raylens_session=rls_")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    consent = await visitor.get(response.headers["location"])
    assert "carol" in consent.text
    assert "code" in parameters_of(await partner.decide(consent))


async def test_a_sign_in_replaces_the_session(
    application: Application, visitor: httpx.AsyncClient, factory: UserFactory, alice: int
):
    old = factory.issue(alice)
    visitor.cookies.set(application.auth.cookie.name, old)
    response = await sign_in(visitor, await visitor.get("/oauth/sign-in?next=/somewhere"))
    assert (response.status_code, response.headers["location"]) == (303, "/somewhere")
    assert factory.principal(old) is None


async def test_a_wrong_password(visitor: httpx.AsyncClient):
    page = await visitor.get("/oauth/sign-in?next=/somewhere")
    for name, password in (("carol", "wrong"), ("nobody", PASSWORD), ("", ""), ("\0€", "€" * 200)):
        response = await sign_in(visitor, page, username=name, password=password)
        assert response.status_code == 400
        assert 'role="alert"' in response.text
        assert "set-cookie" not in response.headers
        form = form_of(response.text)
        assert (form.action, form.fields) == ("/oauth/sign-in?next=/somewhere", {"username": name, "password": ""})


async def test_too_many_wrong_passwords(visitor: httpx.AsyncClient):
    page = await visitor.get("/oauth/sign-in")
    for _ in range(50):
        response = await sign_in(visitor, page, password="wrong")
        if response.status_code != 400:
            break
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0
    assert 'role="alert"' in response.text
    assert "Enter the same password again after that" in response.text


async def test_input_is_escaped(visitor: httpx.AsyncClient):
    page = await visitor.get("/oauth/sign-in?next=" + quote('/"><script>alert(1)</script>'))
    response = await sign_in(visitor, page, username='"><script>alert(1)</script>', password="wrong")
    for text in (page.text, response.text):
        assert "<script" not in text


async def test_a_sign_in_from_another_site_is_rejected(visitor: httpx.AsyncClient):
    form = {"username": "carol", "password": PASSWORD}
    for headers in ({}, *({"Origin": origin} for origin in (*OTHER_ORIGINS, "http://localhost:8000.evil.example"))):
        response = await visitor.post("/oauth/sign-in", data=form, headers=headers)
        assert response.status_code == 403, headers
        assert "set-cookie" not in response.headers


async def test_a_sign_in_without_https_is_rejected(application: Application, factory: UserFactory):
    plain = create(factory.engine, application.clock, public_url="http://raylens.example", public_url_is_given=True)
    async with plain.client() as browser:
        assert (await browser.get("/oauth/sign-in")).status_code == 403
        form = {"username": "carol", "password": PASSWORD}
        response = await browser.post("/oauth/sign-in", data=form, headers={"Origin": "http://raylens.example"})
        assert response.status_code == 403
        assert "set-cookie" not in response.headers


def test_safe_redirect_paths():
    for path in ("/", "/account", "/oauth/authorize?scope=a+b&redirect_uri=https%3A%2F%2Fa%2F%5C", "/a//b"):
        assert safe_redirect_path(path) == path
    assert [path for path in (*UNSAFE_PATHS, None) if safe_redirect_path(path) != "/"] == []


async def test_an_unsafe_next_path_is_ignored(visitor: httpx.AsyncClient):
    for path in UNSAFE_PATHS:
        query = urlencode({"next": path})
        response = await sign_in(visitor, await visitor.get(f"/oauth/sign-in?{query}"))
        assert (response.status_code, response.headers["location"]) == (303, "/"), path
        form = {"username": "carol", "password": PASSWORD, "next": path}
        direct = await visitor.post(f"/oauth/sign-in?{query}", data=form, headers={"Origin": "http://localhost:8000"})
        assert direct.headers["location"] == "/", path


async def test_links_to_external_providers(factory: UserFactory, application: Application):
    providers = (
        Provider(name="acme", title="Acme <Inc>", issuer="https://acme.example", client_id="x", client_secret="y"),
    )
    with_provider = create(factory.engine, application.clock, providers=providers)
    async with with_provider.client() as browser:
        page = await browser.get("/oauth/sign-in?next=" + quote("/oauth/authorize?a=b&c=d"))
    assert links_of(page.text) == ["/auth/external/acme/login?next=/oauth/authorize%3Fa%3Db%26c%3Dd"]
    assert "Acme &lt;Inc&gt;" in page.text


async def test_security_headers(partner: Partner, visitor: httpx.AsyncClient):
    pages = [
        await visitor.get("/oauth/sign-in"),
        await partner.authorize(),
        await partner.authorize(client_id="nobody"),
        await visitor.post("/oauth/sign-in"),
    ]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "script-src" not in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store"
        assert "<script" not in page.text
        assert "style=" not in page.text


async def test_form_action_policy(application: Application, partner: Partner, visitor: httpx.AsyncClient):
    """Chrome applies the policy also to redirects after a form."""

    async def form_action(path: str) -> str:
        policy = (await visitor.get(f"/oauth/sign-in?{urlencode({'next': path})}")).headers["content-security-policy"]
        return str(policy.split("form-action ")[1].split(";")[0])

    def request(of: Partner, **changes: str) -> str:
        return f"/oauth/authorize?{urlencode(of.query(**changes))}"

    assert await form_action("/somewhere") == "'self'"
    assert await form_action(request(partner)) == "'self' https://partner.example"
    assert await form_action(request(partner, scope="nonsense")) == "'self' https://partner.example"
    assert await form_action(request(partner, redirect_uri="https://evil.example/")) == "'self'"
    assert await form_action(request(partner, client_id="nobody")) == "'self'"
    assert await form_action("/oauth/authorize?a=%ff") == "'self'"
    apps = {
        "http://[::1]/callback": "http:",
        "com.example.app:/callback": "com.example.app:",
        "https://a.example:8443/x": "https://a.example:8443",
    }
    for uri, source in apps.items():
        app = Partner.register(application, visitor, redirect_uris=[uri], public=True)
        assert await form_action(request(app, redirect_uri=uri)) == f"'self' {source}"


async def test_the_stylesheet(visitor: httpx.AsyncClient):
    response = await visitor.get("/oauth/pages.css")
    assert response.headers["content-type"].startswith("text/css")
    assert "prefers-color-scheme: dark" in response.text
    assert "url(" not in response.text


async def test_consent_from_another_site_is_rejected(partner: Partner):
    page = await partner.authorize()
    for origin in ("", *OTHER_ORIGINS):
        response = await partner.decide(page, Origin=origin)
        assert response.status_code == 403, origin
        assert "location" not in response.headers


async def test_a_csrf_token_of_another_form_is_rejected(partner: Partner, factory: UserFactory, alice: int):
    small = form_of((await partner.authorize(scope="classify")).text)
    large = form_of((await partner.authorize()).text)
    headers = {"Origin": partner.origin}

    async def post(action: str, token: str) -> httpx.Response:
        form = {"csrf_token": token, "decision": "allow"}
        return await partner.browser.post(action, data=form, headers=headers)

    token = small.fields["csrf_token"]
    for bad in ("", "x", "€", large.fields["csrf_token"][:-1]):
        assert (await post(large.action, bad)).status_code == 403
    assert (await post(large.action, token)).status_code == 403
    partner.browser.cookies.set(partner.application.auth.cookie.name, factory.issue(alice))
    assert (await post(small.action, token)).status_code == 403, "another session of the same user"
    partner.browser.cookies.clear()
    assert (await post(small.action, token)).headers["location"].startswith("/oauth/sign-in?")
    assert partner.application.auth.grants.consents(alice) == []


async def test_an_older_secret_key_remains_valid(partner: Partner, factory: UserFactory):
    form = form_of((await partner.authorize()).text)
    keys = (b"a newer secret key, also long enough", *partner.application.auth.settings.secret_keys)
    newer = create(factory.engine, partner.application.clock, secret_keys=keys)
    async with newer.client(cookies=partner.browser.cookies) as browser:
        data = form.fields | {"decision": "allow"}
        response = await browser.post(form.action, data=data, headers={"Origin": partner.origin})
    assert response.headers["location"].startswith(f"{CALLBACK}?code=")
