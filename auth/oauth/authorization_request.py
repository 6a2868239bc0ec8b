"""What an application asks of a user, through their browser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from auth.oauth.client import Client
from auth.oauth.messages import Message, Reply
from auth.oauth.redirect_uris import with_parameters
from auth.principal import Scopes

LONGEST_NONCE: Final = 255
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_NOT_SUPPORTED: Final = ("request", "request_uri", "registration")

Fault = tuple[str, str]
"""An OAuth error and its description."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """One of a known application, which will be told the answer at a redirect URI of its own."""

    message: Message
    client: Client
    redirect_uri: str
    scopes: Scopes

    def refuse(self, error: str, description: str, issuer: str) -> Reply:
        """The way back to the application, with an error."""
        state = {name: value for name, value in self.message.parameters.items() if name == "state"}
        answer = {"error": error, "error_description": description, **state, "iss": issuer}
        return Reply(302, headers={"Location": with_parameters(self.redirect_uri, **answer)})

    @property
    def prompts(self) -> frozenset[str]:
        return frozenset(self.message.parameters.get("prompt", "").split())

    @property
    def is_silent(self) -> bool:
        """No page may be shown."""
        return "none" in self.prompts

    @property
    def wants_sign_in(self) -> bool:
        """Even of who is signed in."""
        return bool(self.prompts & {"login", "select_account"})

    @property
    def max_age_s(self) -> int | None:
        """How long ago the user may have signed in at most."""
        text = self.message.parameters.get("max_age")
        return None if text is None else int(text)

    @property
    def id_token_hint(self) -> str | None:
        """Who should be signed in."""
        return self.message.parameters.get("id_token_hint")

    @property
    def nonce(self) -> str:
        return self.message.parameters.get("nonce", "")

    @property
    def challenge(self) -> str:
        """The S256 of PKCE."""
        return self.message.parameters["code_challenge"]


def fault_of(message: Message) -> Fault | None:
    """The first thing that is wrong, besides application, redirect URI and scopes."""
    return next(_faults(message), None)


def _faults(message: Message) -> Iterator[Fault]:
    parameters = message.parameters
    if message.repeated:
        yield "invalid_request", "A parameter came more than once."
    for name in _NOT_SUPPORTED:
        if name in parameters:
            yield f"{name}_not_supported", f"{name} is not supported."
    if "response_type" not in parameters:
        yield "invalid_request", "response_type is missing; it has to be code."
    elif parameters["response_type"] != "code":
        yield "unsupported_response_type", "response_type has to be code."
    if parameters.get("response_mode", "query") != "query":
        yield "invalid_request", "response_mode has to be query."
    if parameters.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(
        parameters.get("code_challenge", "")
    ):
        yield "invalid_request", "PKCE is needed: code_challenge, and code_challenge_method S256."
    yield from _openid_faults(message)


def _openid_faults(message: Message) -> Iterator[Fault]:
    parameters = message.parameters
    prompts = parameters.get("prompt", "").split()
    if "none" in prompts and len(prompts) > 1:
        yield "invalid_request", "prompt none goes with no other."
    if not _SECONDS.fullmatch(parameters.get("max_age", "0")):
        yield "invalid_request", "max_age has to be seconds."
    if len(parameters.get("nonce", "")) > LONGEST_NONCE:
        yield "invalid_request", f"nonce may have {LONGEST_NONCE} characters."
