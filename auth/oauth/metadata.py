"""Where the OAuth server's endpoints are and what they can do, as clients discover it."""

from typing import Any, Final

from auth.oauth.client import GRANTS
from auth.oauth.signing_keys import ALGORITHM
from auth.principal import ALL_SCOPES

AUTHORIZE: Final = "/oauth/authorize"
SIGN_IN: Final = "/oauth/sign-in"
TOKEN: Final = "/oauth/token"  # noqa: S105
REVOKE: Final = "/oauth/revoke"
INTROSPECT: Final = "/oauth/introspect"
USERINFO: Final = "/oauth/userinfo"
JWKS: Final = "/oauth/jwks"
STYLE: Final = "/oauth/pages.css"
WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"
WELL_KNOWN_OPENID: Final = "/.well-known/openid-configuration"


def metadata(issuer: str) -> dict[str, Any]:
    """RFC 8414."""
    with_secret = ["client_secret_basic", "client_secret_post"]
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
        "grant_types_supported": sorted(GRANTS),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [*with_secret, "none"],
        "revocation_endpoint_auth_methods_supported": [*with_secret, "none"],
        "introspection_endpoint_auth_methods_supported": with_secret,
        "authorization_response_iss_parameter_supported": True,
    }


def openid_metadata(issuer: str) -> dict[str, Any]:
    """OpenID Connect Discovery."""
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
