"""Client of a server's OAuth endpoints, as the public client `raylens-cli`; the protocol is Authlib's.

Authlib's ready-made httpx client is deprecated for this httpx and warns on standard error, so its session-independent
client is used with an httpx session.
"""

import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import httpx
from authlib.common.security import generate_token
from authlib.oauth2 import OAuth2Client, OAuth2Error
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from pydantic import BaseModel, ConfigDict, Field

from serve_app.cli.address import Address
from serve_app.cli.credential import OAuthEndpoints, OAuthSignIn, StoredCredential
from serve_app.cli.device_key import DeviceKey
from serve_app.cli.errors import CommandError, ServerUnreachable
from serve_app.cli.response_limit import UNCOMPRESSED, limit_response

_CLIENT_ID: Final = "raylens-cli"
_FORM: Final = f"client_id={_CLIENT_ID}"
_NO_AUTH: Final = httpx.Auth()
"""The form identifies the client; httpx does not accept Authlib's own client authentication."""
_OAUTH_STATUS: Final = frozenset({200, 400, 401})
"""Tokens, or an OAuth error (RFC 6749, 5.2)."""
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)

_Document = TypeVar("_Document", bound=BaseModel)


class OAuthRejected(CommandError):
    """An OAuth error response; ``code`` is its registered name."""

    def __init__(self, code: str, description: str = "") -> None:
        denied = "Not signed in: access was denied in the browser."
        super().__init__(
            denied if code == "access_denied" else f"The server rejected the request: {description or code}"
        )
        self.code = code


class TokenResponse(BaseModel):
    """Response of the token endpoint (RFC 6749, 5.1). ``expires_at`` is in Unix seconds of the local clock."""

    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: str = Field(min_length=1, repr=False)
    token_type: str = Field(pattern=r"^(?i:bearer)$")
    expires_at: float
    refresh_token: str = Field(default="", repr=False)
    refresh_token_expires_in: float | None = None
    scope: str = ""


class AuthorizationClient:
    """A client of the server at ``address``; its endpoints must be of the same origin."""

    def __init__(self, address: Address, endpoints: OAuthEndpoints) -> None:
        self.endpoints = endpoints
        self._address = address

    @classmethod
    def discover(cls, address: Address) -> "AuthorizationClient":
        """Fetch the server's metadata (RFC 8414).

        Raises ServerUnreachable, or CommandError if the server names another issuer or another origin.
        """
        url = httpx.URL(address.url)
        well_known = url.copy_with(path=f"/.well-known/oauth-authorization-server{url.path.rstrip('/')}")
        with _session(address) as http:
            response = _check_status(http.get(well_known), address)
        endpoints = _validated(OAuthEndpoints, response.content, address)
        if endpoints.issuer.rstrip("/") != address.url:
            raise CommandError(f"The server calls itself {endpoints.issuer}; use --server {endpoints.issuer}")
        urls = (endpoints.authorization_endpoint, endpoints.token_endpoint, endpoints.revocation_endpoint)
        if not all(map(address.is_same_origin, urls)):
            raise CommandError(f"{address} names sign-in addresses of another server; nothing was sent there.")
        return cls(address, endpoints)

    def authorization_url(
        self, redirect_uri: str, scopes: Sequence[str], *, state: str, verifier: str, device: DeviceKey
    ) -> str:
        """The page that the browser opens, with an S256 code challenge (RFC 7636), signed by this device."""
        client = OAuth2Client(None, _CLIENT_ID, code_challenge_method="S256")
        assertion = device.sign(
            aud=self.endpoints.issuer,
            client_id=_CLIENT_ID,
            redirect_uri=redirect_uri,
            code_challenge=create_s256_code_challenge(verifier),
        )
        url, _ = client.create_authorization_url(
            self.endpoints.authorization_endpoint,
            state=state,
            code_verifier=verifier,
            redirect_uri=redirect_uri,
            scope=" ".join(scopes),
            device_assertion=assertion,
        )
        return str(url)

    def exchange(self, *, code: str, redirect_uri: str, verifier: str) -> tuple[TokenResponse, OAuthSignIn]:
        """Exchange an authorization code for tokens. Raises CommandError."""
        now = time.time()
        with self._token_client() as client:
            token = client.fetch_token(
                self.endpoints.token_endpoint,
                grant_type="authorization_code",
                code=code,
                redirect_uri=redirect_uri,
                code_verifier=verifier,
                body=_FORM,
                auth=_NO_AUTH,
            )
        tokens = _validated(TokenResponse, dict(token), self._address)
        lifetime = tokens.refresh_token_expires_in
        sign_in = OAuthSignIn(
            endpoints=self.endpoints,
            refresh_token=tokens.refresh_token,
            expires_at=tokens.expires_at,
            since=now,
            ends_at=None if lifetime is None else now + lifetime,
        )
        return tokens, sign_in

    def refresh(self, sign_in: OAuthSignIn) -> tuple[str, OAuthSignIn]:
        """Exchange the refresh token: the next access token and the updated sign-in. Raises CommandError."""
        with self._token_client() as client:
            token = client.refresh_token(
                self.endpoints.token_endpoint, refresh_token=sign_in.refresh_token, body=_FORM, auth=_NO_AUTH
            )
        tokens = _validated(TokenResponse, dict(token), self._address)
        changes = {"refresh_token": tokens.refresh_token, "expires_at": tokens.expires_at}
        return tokens.access_token, sign_in.model_copy(update=changes)

    def revoke(self, refresh_token: str) -> None:
        """End a sign-in and all its tokens (RFC 7009). Raises CommandError."""
        with _session(self._address) as http:
            response = OAuth2Client(http, _CLIENT_ID).revoke_token(
                self.endpoints.revocation_endpoint,
                token=refresh_token,
                token_type_hint="refresh_token",  # noqa: S106
                body=_FORM,
                auth=_NO_AUTH,
            )
        _check_status(response, self._address)

    @contextmanager
    def _token_client(self) -> Iterator[OAuth2Client]:
        """A client for one call to the token endpoint. Raises CommandError if the server rejects the call."""
        with _session(self._address) as http:
            client = OAuth2Client(http, _CLIENT_ID)
            for hook in ("access_token_response", "refresh_token_response"):
                client.register_compliance_hook(
                    hook, lambda response: _check_status(response, self._address, _OAUTH_STATUS)
                )
            try:
                yield client
            except OAuth2Error as error:
                raise OAuthRejected(str(error.error), str(error.description)) from None
            except (httpx.HTTPStatusError, TypeError, ValueError):
                raise _not_raylens(self._address) from None


def random_token() -> str:
    """A state or PKCE code verifier: 64 letters and digits."""
    return str(generate_token(64))


def revoke_sign_in(address: Address, credential: StoredCredential) -> None:
    """Revoke a sign-in on the server; does nothing for an ended sign-in or an API key. Raises CommandError."""
    if credential.sign_in and not credential.has_ended:
        AuthorizationClient(address, credential.sign_in.endpoints).revoke(credential.sign_in.refresh_token)


@contextmanager
def _session(address: Address) -> Iterator[httpx.Client]:
    try:
        headers, hooks = UNCOMPRESSED | {"Accept": "application/json"}, {"response": [limit_response]}
        options = address.client_options
        with httpx.Client(**options, timeout=_TIMEOUT, headers=headers, event_hooks=hooks) as http:
            yield http
    except httpx.TransportError as error:
        raise ServerUnreachable(
            f"No server answers at {address.described} ({error or type(error).__name__})."
        ) from None


def _check_status(response: httpx.Response, address: Address, expected: Set[int] = frozenset({200})) -> httpx.Response:
    """Return an expected response. Raises CommandError for any other."""
    if response.status_code in expected:
        return response
    if response.status_code in {429, 503}:
        raise CommandError(f"{address} is overloaded ({response.status_code}); try again in a moment.")
    if response.status_code == 421:
        raise CommandError(f"{address} has another name: its operator adds this one to RAYLENS_ALLOWED_HOSTS.")
    raise CommandError(f"{address} returned {response.status_code}, unlike Raylens with users; check the address.")


def _validated(model: type[_Document], document: bytes | dict[str, Any], address: Address) -> _Document:
    try:
        return model.model_validate_json(document) if isinstance(document, bytes) else model.model_validate(document)
    except ValueError:
        raise _not_raylens(address) from None


def _not_raylens(address: Address) -> CommandError:
    return CommandError(f"The server at {address} is not Raylens, or has no users.")
