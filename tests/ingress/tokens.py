"""Credentials for requests."""

from auth.audit import RequestSource
from auth.principal import Scope
from tests.ingress.graph import Graph


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def application_token(graph: Graph) -> str:
    """An access token of an application without a user."""
    client, secret = graph.gateway.auth.clients.create(
        "A partner",
        redirect_uris=[],
        scopes=[Scope.CLASSIFY],
        grants=["client_credentials"],
        public=False,
        actor_id=None,
        source=RequestSource(),
    )
    assert secret
    document = {"grant_type": "client_credentials", "scope": "classify"}
    response = await graph.client.post("/oauth/token", data=document, auth=(client.id, secret))
    assert response.status_code == 200, response.text
    return str(response.json()["access_token"])
