"""Tokens given back (RFC 7009), asked about (RFC 7662), and taken away."""

from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import Engine, func, select, update

from auth.database import write
from auth.lifetimes import microseconds
from auth.tables import oauth_codes, oauth_consents, oauth_families, oauth_tokens, users
from tests.auth.application import Application
from tests.auth.clock import START, MovableClock
from tests.auth.oauth.partner import HERE, Partner
from tests.auth.people import People


@pytest.fixture
def database(engine: Engine) -> Engine:
    """SQLite, and MariaDB."""
    return engine


async def revoke(partner: Partner, token: str, **form: str) -> httpx.Response:
    return await partner.post("/oauth/revoke", {"token": token, **form})


async def introspect(partner: Partner, token: str, **form: str) -> httpx.Response:
    return await partner.post("/oauth/introspect", {"token": token, **form})


async def is_active(partner: Partner, token: str) -> bool:
    response = await introspect(partner, token)
    assert response.status_code == 200
    active = bool(response.json()["active"])
    assert active or response.json() == {"active": False}
    return active


async def test_an_access_token_ends_alone(partner: Partner):
    tokens = await partner.tokens()
    assert await partner.is_let_in(tokens["access_token"])
    response = await revoke(partner, tokens["access_token"])
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert not await partner.is_let_in(tokens["access_token"])
    assert (await partner.refresh(tokens["refresh_token"])).status_code == 200


async def test_it_ends_at_once_where_it_was_revoked(partner: Partner):
    tokens = await partner.tokens()
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await partner.browser.get("/oauth/userinfo", headers=header)).status_code == 403
    await revoke(partner, tokens["access_token"])
    assert (await partner.browser.get("/oauth/userinfo", headers=header)).status_code == 401


async def test_a_refresh_token_ends_with_its_family(partner: Partner):
    tokens = await partner.tokens()
    assert (await revoke(partner, tokens["refresh_token"])).status_code == 200
    assert not await partner.is_let_in(tokens["access_token"])
    assert (await partner.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_public_application_gives_its_own_back(application: Application, partner: Partner):
    public = Partner.register(application, partner.browser, public=True)
    tokens = await public.tokens()
    assert (await revoke(public, tokens["refresh_token"])).status_code == 200
    assert not await public.is_let_in(tokens["access_token"])


@pytest.mark.parametrize("token", ["nonsense", "rla_" + "x" * 43, "€\0", "x" * 10_000])
async def test_what_nobody_knows_is_revoked_already(partner: Partner, token: str):
    assert (await revoke(partner, token)).status_code == 200
    assert not await is_active(partner, token)


async def test_revoking_again_changes_nothing(partner: Partner):
    tokens = await partner.tokens()
    for _ in range(2):
        for name in ("access_token", "refresh_token"):
            assert (await revoke(partner, tokens[name])).status_code == 200


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", "nonsense", '"€'])
async def test_a_hint_is_a_hint(partner: Partner, hint: str):
    tokens = await partner.tokens()
    assert (await introspect(partner, tokens["access_token"], token_type_hint=hint)).json()["active"]
    assert (await revoke(partner, tokens["access_token"], token_type_hint=hint)).status_code == 200
    assert not await is_active(partner, tokens["access_token"])


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
async def test_another_ones_token_stays(application: Application, partner: Partner, name: str):
    other = Partner.register(application, partner.browser)
    tokens = await partner.tokens()
    response = await revoke(other, tokens[name])
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    assert await partner.is_let_in(tokens["access_token"])
    assert not await is_active(other, tokens[name])


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
async def test_no_token(partner: Partner, path: str):
    response = await partner.post(path, {})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


async def test_an_access_token_is_told(partner: Partner, alice: int):
    tokens = await partner.tokens()
    assert (await introspect(partner, tokens["access_token"])).json() == {
        "active": True,
        "iss": "http://localhost:8000",
        "client_id": partner.client.id,
        "sub": str(alice),
        "username": "alice",
        "scope": "classify profile",
        "token_type": "Bearer",
        "iat": START,
        "exp": START + 600,
    }


async def test_an_application_on_its_own_is_told(partner: Partner):
    own = (await partner.token(grant_type="client_credentials", scope="classify")).json()
    document = (await introspect(partner, own["access_token"])).json()
    assert (document["sub"], document["scope"]) == (partner.client.id, "classify")
    assert "username" not in document


async def test_a_refresh_token_is_active_until_it_is_used(partner: Partner):
    tokens = await partner.tokens()
    assert await is_active(partner, tokens["refresh_token"])
    assert "token_type" not in (await introspect(partner, tokens["refresh_token"])).json()
    await partner.refresh(tokens["refresh_token"])
    assert not await is_active(partner, tokens["refresh_token"])


async def test_what_has_expired_is_not_active(partner: Partner, clock: MovableClock):
    tokens = await partner.tokens()
    clock.forward(600)
    assert not await is_active(partner, tokens["access_token"])
    assert await is_active(partner, tokens["refresh_token"])


async def test_a_trusted_application_looks_at_others_access_tokens(application: Application, partner: Partner):
    resource = Partner.register(application, partner.browser, trusted=True)
    tokens = await partner.tokens()
    assert (await introspect(resource, tokens["access_token"])).json()["client_id"] == partner.client.id
    assert not await is_active(resource, tokens["refresh_token"]), "shown to a resource, it is none of its tokens"


async def test_who_has_no_secret_may_not_introspect(application: Application, partner: Partner):
    public = Partner.register(application, partner.browser, public=True)
    tokens = await public.tokens()
    for form in ({"client_id": public.client.id}, {}, {"client_id": partner.client.id}):
        async with application.client() as backend:
            response = await backend.post("/oauth/introspect", data={"token": tokens["access_token"], **form})
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
        assert response.headers["www-authenticate"].startswith("Basic")


async def test_who_takes_consent_back_ends_all(application: Application, partner: Partner, alice: int):
    tokens, more = await partner.tokens(), await partner.tokens()
    other = Partner.register(application, partner.browser)
    others = await other.tokens()
    assert application.auth.grants.revoke_consent(alice, partner.client.id, origin=HERE)
    assert not await partner.is_let_in(tokens["access_token"])
    assert not await partner.is_let_in(more["access_token"])
    assert await partner.is_let_in(others["access_token"])
    assert (await partner.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await partner.ask()).status_code == 200, "it has to ask again"
    assert not application.auth.grants.revoke_consent(alice, partner.client.id, origin=HERE)
    [entry] = application.auth.audit.entries(event="app.revoked")
    assert (entry.user_id, entry.client_id) == (alice, partner.client.id)


async def test_a_user_sees_their_applications(
    application: Application, partner: Partner, people: People, alice: int, clock: MovableClock
):
    await partner.code()
    clock.forward(30)
    later = Partner.register(application, partner.browser, name="Later", uri="https://later.example/")
    code = await later.code(scope="classify")
    clock.forward(30)
    await later.redeem(code)
    newest, oldest = application.auth.grants.consents(alice)
    assert (oldest.client_id, oldest.name) == (partner.client.id, "Partner")
    assert (newest.name, newest.uri) == ("Later", "https://later.example/")
    assert [oldest.scopes, newest.scopes] == [{"classify", "profile"}, {"classify"}]
    assert newest.created_us == microseconds(START + 30)
    assert newest.seen_us == microseconds(START + 60)
    assert application.auth.grants.consents(people.add("bob")) == []


async def test_all_of_a_user_ends(application: Application, partner: Partner, people: People, alice: int):
    tokens = await partner.tokens()
    partner.browser.cookies.set(application.auth.cookie.name, people.let_in(people.add("bob")))
    bobs = await partner.tokens()
    end_user = application.auth.grants.end_user
    assert write(people.engine, lambda connection: end_user(connection, alice)) == 1
    assert not await partner.is_let_in(tokens["access_token"])
    assert await partner.is_let_in(bobs["access_token"])


Change = Callable[[Application, Partner, People], None]


def _set(**values: object) -> Change:
    def change(_application: Application, _partner: Partner, people: People) -> None:
        write(people.engine, lambda connection: connection.execute(update(users).values(values)))

    return change


def _disable_client(application: Application, partner: Partner, _people: People) -> None:
    application.auth.clients.update(partner.client.id, disabled=True, actor_id=None, origin=HERE)


def _delete_client(application: Application, partner: Partner, _people: People) -> None:
    application.auth.clients.delete(partner.client.id, actor_id=None, origin=HERE)


@pytest.mark.parametrize(
    "change",
    [_set(disabled_us=1), _set(deleted_us=1), _disable_client, _delete_client],
    ids=["user disabled", "user deleted", "application disabled", "application deleted"],
)
async def test_nothing_of_who_is_disabled_works(
    application: Application, partner: Partner, people: People, change: Change
):
    code, tokens = await partner.code(), await partner.tokens()
    change(application, partner, people)
    assert not await partner.is_let_in(tokens["access_token"])
    for response in (await partner.redeem(code), await partner.refresh(tokens["refresh_token"])):
        assert response.json()["error"] in {"invalid_grant", "invalid_client"}


async def test_rights_that_were_taken_away_count_at_once(application: Application, partner: Partner, people: People):
    tool = Partner.register(application, partner.browser, scopes=["classify", "profile", "admin"])
    tool.browser.cookies.set(application.auth.cookie.name, people.let_in(people.add("root", role="admin")))
    tokens = await tool.tokens(scope="classify profile admin")
    _set(role="user")(application, tool, people)
    assert (await introspect(tool, tokens["access_token"])).json()["scope"] == "classify profile"
    application.auth.clients.update(tool.client.id, scopes=["classify"], actor_id=None, origin=HERE)
    assert (await introspect(tool, tokens["access_token"])).json()["scope"] == "classify"
    assert (await tool.refresh(tokens["refresh_token"])).json()["scope"] == "classify"


async def test_what_has_ended_is_swept_away(partner: Partner, clock: MovableClock, database: Engine):
    await partner.code()
    tokens = await partner.tokens()
    await partner.token(grant_type="client_credentials")
    revoked = await partner.tokens()
    await revoke(partner, revoked["refresh_token"])

    def left() -> list[int]:
        with database.connect() as connection:
            tables = (oauth_families, oauth_codes, oauth_tokens, oauth_consents)
            return [connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables]

    assert left() == [4, 3, 5, 1]
    partner.application.auth.sweep()
    assert left() == [3, 2, 3, 1]
    clock.forward(900)
    partner.application.auth.sweep()
    assert left() == [1, 1, 1, 1], "the refresh token, and the code in case it comes again"
    assert (await partner.refresh(tokens["refresh_token"])).status_code == 200
    clock.forward(14 * 86_400)
    partner.application.auth.sweep()
    assert left() == [0, 0, 0, 1]
