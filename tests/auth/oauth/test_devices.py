"""Native clients get consent once per device; other programs on the machine get nothing without a click."""

import base64
import json
from collections.abc import Callable

import httpx
import pytest
from joserfc.jwk import ECKey

from auth.credentials.lifetimes import CODE_LIFETIME
from auth.oauth import devices
from tests.auth.application import Application
from tests.auth.databases import both_databases
from tests.auth.oauth.device import Device, command_line
from tests.auth.oauth.form import form_of
from tests.auth.oauth.partner import SOURCE, VERIFIER, Partner, challenge_of, parameters_of
from tests.auth.user_factory import UserFactory
from tests.clock import MovableClock

DEVICES = "/api/v1/account/devices"
SCOPES = "classify history:read history:write profile"


@pytest.fixture
def cli(application: Application, alices_browser: httpx.AsyncClient) -> Partner:
    return command_line(application, alices_browser)


@pytest.fixture
def laptop(cli: Partner) -> Device:
    return Device(cli)


def is_consent_page(response: httpx.Response) -> bool:
    return response.status_code == 200 and form_of(response.text).buttons == ["allow", "deny"]


async def test_a_program_on_another_port_gets_no_code_without_a_click(cli: Partner, laptop: Device):
    await laptop.consent(scope=SCOPES)
    for port in (40001, 50000):
        foreign = {"redirect_uri": f"http://127.0.0.1:{port}/callback", "scope": SCOPES}
        assert is_consent_page(await cli.authorize(**foreign))
        silent = parameters_of(await cli.authorize(**foreign, prompt="none"))
        assert silent["error"] == "consent_required"


async def test_the_user_consents_once_per_device(cli: Partner, laptop: Device):
    assert is_consent_page(await laptop.authorize(scope=SCOPES))
    tokens = await laptop.tokens(parameters_of(await laptop.consent(scope=SCOPES))["code"])
    assert await cli.is_accepted(tokens["access_token"])
    laptop.port = 40002
    code = parameters_of(await laptop.authorize(scope=SCOPES))["code"]
    assert (await laptop.tokens(code))["scope"] == SCOPES
    assert "code" in parameters_of(await laptop.authorize(scope="classify", prompt="none"))
    assert is_consent_page(await laptop.authorize(scope=SCOPES, prompt="consent"))
    other = Device(cli, name="office")
    assert parameters_of(await other.authorize(scope=SCOPES, prompt="none"))["error"] == "consent_required"
    assert is_consent_page(await other.authorize(scope=SCOPES))


async def test_a_device_gets_only_the_scopes_granted_there(laptop: Device):
    await laptop.consent(scope="classify")
    assert is_consent_page(await laptop.authorize(scope="classify profile"))
    await laptop.consent(scope="profile")
    assert "code" in parameters_of(await laptop.authorize(scope="classify profile"))


async def test_administration_requires_consent_every_time(
    application: Application, factory: UserFactory, cli: Partner, alices_browser: httpx.AsyncClient
):
    alices_browser.cookies.set(application.auth.cookie.name, factory.issue(factory.add("root", role="admin")))
    device = Device(cli)
    for _ in range(2):
        assert "code" in parameters_of(await device.consent(scope="admin"))


async def test_the_page_names_device_port_time_and_scopes(laptop: Device):
    laptop.name = "<b>alice's laptop</b>"
    page = (await laptop.authorize(scope="classify history:write")).text
    assert "&lt;b&gt;alice&#39;s laptop&lt;/b&gt;, as it calls itself" in page
    assert "listens on port 40001" in page
    assert "2027-01-15 08:00:00 UTC, from 203.0.113.7" in page
    assert "Delete images from your history" in page
    unknown = (await laptop.authorize(device_assertion=None)).text
    assert "unknown" in unknown
    assert "asked again" not in unknown


async def test_the_page_cannot_be_framed_or_submitted_by_another_site(laptop: Device):
    page = await laptop.authorize()
    assert page.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    refused = await laptop.partner.decide(page, Origin="https://evil.example")
    assert refused.status_code == 403
    form = form_of(page.text)
    headers = {"Origin": laptop.partner.origin}
    forged = {"csrf_token": "x", "decision": "allow"}
    assert (await laptop.partner.browser.post(form.action, data=forged, headers=headers)).status_code == 403
    assert is_consent_page(await laptop.authorize())


def changes(device: Device) -> dict[str, Callable[[], str]]:
    """Invalid assertions by what is wrong with them."""
    other = ECKey.generate_key("P-256", private=True)
    stolen = {"jwk": other.as_dict(private=False)}
    private = {"jwk": device.key.as_dict(private=True)}
    return {
        "of another key": lambda: device.assertion(header=stolen),
        "with a private key": lambda: device.assertion(header=private),
        "of another type": lambda: device.assertion(header={"typ": "JWT"}),
        "for another server": lambda: device.assertion(aud="https://evil.example"),
        "for another client": lambda: device.assertion(client_id="other"),
        "for another port": lambda: device.assertion(redirect_uri="http://127.0.0.1:1/callback"),
        "for another challenge": lambda: device.assertion(code_challenge=challenge_of(VERIFIER[::-1])),
        "without a name": lambda: device.assertion(device_name=None),
        "with an invisible name": lambda: device.assertion(device_name="\u3164"),
        "with a reversed name": lambda: device.assertion(device_name="a\u202eb"),
        "with a long name": lambda: device.assertion(device_name="x" * 65),
        "unsigned": lambda: device.assertion().rpartition(".")[0] + ".",
        "malformed": lambda: "x.y.z",
        "not ASCII": lambda: "ä.ö.ü",
        "too long": lambda: device.assertion() + "x" * 2000,
        "without a signature": lambda: _with_algorithm(device.assertion(), "none"),
        "with a shared key": lambda: _with_algorithm(device.assertion(), "HS256"),
    }


def _with_algorithm(assertion: str, algorithm: str) -> str:
    header, _, rest = assertion.partition(".")
    fields = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))) | {"alg": algorithm}
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).rstrip(b"=").decode() + "." + rest


async def test_an_invalid_assertion_proves_nothing(laptop: Device):
    await laptop.consent()
    assert "code" in parameters_of(await laptop.authorize())
    for what, assertion in changes(laptop).items():
        assert is_consent_page(await laptop.authorize(device_assertion=assertion())), what


async def test_a_repeated_request_yields_a_code_that_only_the_device_can_use(laptop: Device):
    """Whoever reads the address, such as in the list of processes, lacks the verifier."""
    await laptop.consent()
    code = parameters_of(await laptop.authorize())["code"]
    stolen = await laptop.partner.redeem(code, redirect_uri=laptop.redirect_uri, code_verifier="x" * 43)
    assert stolen.json()["error"] == "invalid_grant"


async def test_a_device_of_another_user_is_unknown(
    application: Application, factory: UserFactory, laptop: Device, alices_browser: httpx.AsyncClient
):
    await laptop.consent()
    alices_browser.cookies.set(application.auth.cookie.name, factory.issue(factory.add("bob")))
    assert is_consent_page(await laptop.authorize())


@pytest.mark.parametrize("uri", ["http://127.0.0.1/callback", "http://localhost/callback", "com.example.app:/callback"])
async def test_consent_to_a_native_client_without_a_device_is_not_remembered(
    application: Application, alices_browser: httpx.AsyncClient, uri: str
):
    program = Partner.register(application, alices_browser, public=True, redirect_uris=[uri])
    for _ in range(2):
        assert "code" in parameters_of(await program.decide(await program.authorize(redirect_uri=uri)))
    device = Device(program)
    signed = {"redirect_uri": uri, "device_assertion": device.assertion(redirect_uri=uri)}
    await program.decide(await program.authorize(**signed))
    assert "code" in parameters_of(await program.authorize(**signed))


async def test_consent_to_a_confidential_program_is_remembered(
    application: Application, alices_browser: httpx.AsyncClient
):
    """Its code is useless without the secret."""
    uri = "http://127.0.0.1/callback"
    server = Partner.register(application, alices_browser, redirect_uris=[uri])
    await server.decide(await server.authorize(redirect_uri=uri))
    assert "code" in parameters_of(await server.authorize(redirect_uri=uri))


async def test_devices_are_listed_and_removed(
    laptop: Device, cli: Partner, alices_browser: httpx.AsyncClient, clock: MovableClock
):
    tokens = await laptop.tokens(parameters_of(await laptop.consent())["code"])
    office = Device(cli, name="office")
    kept = await office.tokens(parameters_of(await office.consent())["code"])
    clock.forward(60)
    again = await laptop.tokens(parameters_of(await laptop.authorize())["code"])
    items = (await alices_browser.get(DEVICES)).json()["items"]
    assert [item["name"] for item in items] == ["alices-laptop", "office"]
    assert items[0] == {
        "id": items[0]["id"],
        "name": "alices-laptop",
        "client_id": "raylens-cli",
        "application": "Raylens command line",
        "scopes": ["classify", "profile"],
        "created_at": "2027-01-15T08:00:00Z",
        "seen_at": "2027-01-15T08:01:00Z",
        "address": "203.0.113.7",
    }
    headers = {"Origin": cli.origin, "X-Requested-With": "test"}
    assert (await alices_browser.delete(f"{DEVICES}/{items[0]['id']}", headers=headers)).status_code == 204
    assert (await alices_browser.delete(f"{DEVICES}/{items[0]['id']}", headers=headers)).status_code == 404
    assert [await cli.is_accepted(found["access_token"]) for found in (tokens, again, kept)] == [False, False, True]
    assert is_consent_page(await laptop.authorize())
    [entry] = cli.application.auth.audit.entries(event="device.removed")
    assert (entry.client_id, entry.detail) == ("raylens-cli", {"device": "alices-laptop"})


async def test_devices_of_others_are_not_found(laptop: Device, application: Application, factory: UserFactory):
    await laptop.consent()
    [device] = application.auth.grants.devices.list(factory.add("bob") - 1)
    async with application.client() as browser:
        browser.cookies.set(application.auth.cookie.name, factory.issue(factory.add("carol")))
        headers = {"Origin": laptop.partner.origin, "X-Requested-With": "test"}
        assert (await browser.delete(f"{DEVICES}/{device.id}", headers=headers)).status_code == 404
        assert (await browser.get(DEVICES)).json() == {"items": []}


@pytest.mark.parametrize("event", ["revoke", "disable"])
async def test_devices_are_forgotten(laptop: Device, application: Application, alice: int, event: str):
    await laptop.consent()
    if event == "revoke":
        await laptop.tokens(parameters_of(await laptop.authorize())["code"])
        application.auth.grants.revoke_consent(alice, "raylens-cli", source=SOURCE)
    else:
        application.auth.accounts.set_disabled(alice, True, actor_id=None, source=SOURCE)
    assert application.auth.grants.devices.list(alice) == []


async def test_an_application_that_has_only_a_device_is_revoked(
    laptop: Device, application: Application, alice: int, clock: MovableClock
):
    await laptop.consent()
    clock.forward(CODE_LIFETIME + 1)
    application.auth.grants.sweep()
    application.auth.grants.revoke_consent(alice, "raylens-cli", source=SOURCE)
    assert application.auth.grants.devices.list(alice) == []
    assert application.auth.audit.entries(user_id=alice)[0].event == "app.revoked"


@both_databases
async def test_the_least_recently_used_device_is_replaced(
    cli: Partner, clock: MovableClock, alice: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(devices, "MAX_DEVICES", 2)
    first, second, third = (Device(cli, name=name) for name in ("first", "second", "third"))
    for device in (first, second):
        await device.consent()
        clock.forward(1)
    await first.authorize()
    clock.forward(1)
    await third.consent()
    assert [device.name for device in cli.application.auth.grants.devices.list(alice)] == ["third", "first"]
