"""The authorization request of a client (RFC 6749, section 4.1.1), received through the user's browser."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from auth.oauth.client import Client
from auth.oauth.device_assertion import DeviceAssertion, verified_assertion
from auth.oauth.redirect_uris import is_native, with_parameters
from auth.oauth.requests import OAuthRequest, OAuthResponse
from auth.principal import Scopes

MAX_NONCE_LENGTH: Final = 255
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_UNSUPPORTED: Final = ("request", "request_uri", "registration")


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """From a known client, with one of its redirect URIs."""

    request: OAuthRequest
    client: Client
    redirect_uri: str
    scopes: Scopes

    def error_response(self, error: str, description: str, issuer: str) -> OAuthResponse:
        """Redirect to the client with an error."""
        state = {name: value for name, value in self.request.parameters.items() if name == "state"}
        parameters = {"error": error, "error_description": description, **state, "iss": issuer}
        return OAuthResponse(302, headers={"Location": with_parameters(self.redirect_uri, **parameters)})

    @property
    def prompts(self) -> frozenset[str]:
        return frozenset(self.request.parameters.get("prompt", "").split())

    @property
    def is_silent(self) -> bool:
        """No page may be shown."""
        return "none" in self.prompts

    @property
    def requires_sign_in(self) -> bool:
        """Even if the user is signed in."""
        return bool(self.prompts & {"login", "select_account"})

    @property
    def max_age_s(self) -> int | None:
        """Maximum time since the sign-in, seconds."""
        text = self.request.parameters.get("max_age")
        return None if text is None else int(text)

    @property
    def id_token_hint(self) -> str | None:
        """An id_token of the user who should be signed in."""
        return self.request.parameters.get("id_token_hint")

    @property
    def nonce(self) -> str:
        return self.request.parameters.get("nonce", "")

    @property
    def is_native(self) -> bool:
        """From a client that any program on the device could pretend to be: it has no secret, and no host."""
        return self.client.is_public and is_native(self.redirect_uri)

    def device_assertion(self, issuer: str) -> DeviceAssertion | None:
        """Of a native client, if the request has a valid one."""
        token = self.request.parameters.get("device_assertion", "")
        if not token or not self.is_native:
            return None
        return verified_assertion(
            token,
            issuer=issuer,
            client_id=self.client.id,
            redirect_uri=self.redirect_uri,
            code_challenge=self.code_challenge,
        )

    @property
    def code_challenge(self) -> str:
        return self.request.parameters["code_challenge"]


def validation_errors(request: OAuthRequest) -> Iterator[tuple[str, str]]:
    """OAuth error codes and descriptions, except for client, redirect URI and scopes."""
    parameters = request.parameters
    if request.repeated:
        yield "invalid_request", "A parameter is repeated."
    for name in _UNSUPPORTED:
        if name in parameters:
            yield f"{name}_not_supported", f"{name} is not supported."
    if "response_type" not in parameters:
        yield "invalid_request", "response_type is missing; it must be code."
    elif parameters["response_type"] != "code":
        yield "unsupported_response_type", "response_type must be code."
    if parameters.get("response_mode", "query") != "query":
        yield "invalid_request", "response_mode must be query."
    challenge = parameters.get("code_challenge", "")
    if parameters.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        yield "invalid_request", "PKCE is required: send code_challenge and code_challenge_method=S256."
    yield from _openid_errors(parameters)


def _openid_errors(parameters: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    prompts = parameters.get("prompt", "").split()
    if "none" in prompts and len(prompts) > 1:
        yield "invalid_request", "prompt=none cannot be combined with other values."
    if not _SECONDS.fullmatch(parameters.get("max_age", "0")):
        yield "invalid_request", "max_age must be a number of seconds."
    if len(parameters.get("nonce", "")) > MAX_NONCE_LENGTH:
        yield "invalid_request", f"nonce must have at most {MAX_NONCE_LENGTH} characters."
