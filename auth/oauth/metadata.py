"""Paths of the OAuth endpoints, and the metadata that clients discover."""

from typing import Any, Final

from auth.oauth.client import GRANT_TYPES
from auth.oauth.signing_keys import ALGORITHM
from auth.principal import ALL_SCOPES

AUTHORIZE: Final = "/oauth/authorize"
SIGN_IN: Final = "/oauth/sign-in"
TOKEN: Final = "/oauth/token"  # noqa: S105
REVOKE: Final = "/oauth/revoke"
INTROSPECT: Final = "/oauth/introspect"
USERINFO: Final = "/oauth/userinfo"
JWKS: Final = "/oauth/jwks"
STYLESHEET: Final = "/oauth/pages.css"
WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"
WELL_KNOWN_OPENID: Final = "/.well-known/openid-configuration"


def metadata(issuer: str) -> dict[str, Any]:
    """Authorization server metadata (RFC 8414)."""
    secret_methods = ["client_secret_basic", "client_secret_post"]
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + AUTHORIZE,
        "token_endpoint": issuer + TOKEN,
        "revocation_endpoint": issuer + REVOKE,
        "introspection_endpoint": issuer + INTROSPECT,
        "jwks_uri": issuer + JWKS,
        "scopes_supported": sorted(ALL_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": sorted(GRANT_TYPES),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [*secret_methods, "none"],
        "revocation_endpoint_auth_methods_supported": [*secret_methods, "none"],
        "introspection_endpoint_auth_methods_supported": secret_methods,
        "authorization_response_iss_parameter_supported": True,
    }


def openid_metadata(issuer: str) -> dict[str, Any]:
    """Provider metadata (OpenID Connect Discovery)."""
    return metadata(issuer) | {
        "userinfo_endpoint": issuer + USERINFO,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "preferred_username", "email"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
