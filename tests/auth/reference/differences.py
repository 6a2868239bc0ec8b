"""The deliberate differences between Raylens and Djoser; all other responses are the same."""

from dataclasses import dataclass, field
from typing import Any

from tests.auth.application import PASSWORD
from tests.auth.reference.comparison import ALICE, LOGIN, ME, REGISTER, SET_PASSWORD, Call, post

NEW = "a heron over the wet meadow"
JSON = {"content-type": "application/json"}
BOB = {"username": "bob", "password": PASSWORD}
CANNOT_LOG_IN = {"non_field_errors": ["Unable to log in with provided credentials."]}
TAKEN = {"username": ["A user with that username already exists."]}
TOO_COMMON = {"password": ["This password is too common."]}
TOO_SHORT = "This password is too short. It must contain at least 15 characters."
INVALID_TOKEN = {"detail": "Invalid token."}
NOT_PROVIDED = {"detail": "Authentication credentials were not provided."}
REQUIRED = ["This field is required."]
INVALID_EMAIL = {"email": ["Enter a valid email address."]}
SHOWN = {"email": "alice@example.org", "id": "id", "username": "alice"}
TOKEN = {"auth_token": "auth_token"}
ANYTHING = object()
"""For error pages of Django, where the status is enough."""


@dataclass(frozen=True)
class Difference:
    """The status and body of each side for ``call``, after those of ``before``. Alice exists and has a token."""

    title: str
    call: Call
    reference: tuple[int, Any]
    raylens: tuple[int, Any]
    before: tuple[Call, ...] = field(default=())


def registered(**fields: Any) -> tuple[int, Any]:
    return 201, {"email": "", "id": "id", "username": "bob"} | fields


NAMES = [
    Difference(
        "usernames are case-insensitive",
        post(REGISTER, BOB | {"username": "ALICE"}),
        registered(username="ALICE"),
        (400, TAKEN),
    ),
    Difference(
        "usernames are case-insensitive at sign-in",
        post(LOGIN, ALICE | {"username": "ALICE"}),
        (400, CANNOT_LOG_IN),
        (200, TOKEN),
    ),
    Difference(
        "combining characters are valid in usernames",
        post(REGISTER, BOB | {"username": "bobe\u0301"}),
        (
            400,
            {
                "username": [
                    "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."
                ]
            },
        ),
        registered(username="bobé"),
    ),
    Difference(
        "the limit of 150 characters holds after normalization",
        post(REGISTER, BOB | {"username": "ﬃ" * 51}),
        registered(username="ffi" * 51),
        (400, {"username": ["Ensure this field has no more than 150 characters."]}),
    ),
    Difference(
        "taken names are reported only if all fields are present",
        post(REGISTER, {"username": "alice"}),
        (400, TAKEN | {"password": REQUIRED}),
        (400, {"password": REQUIRED}),
    ),
]

PASSWORDS = [
    Difference(
        "the check for common passwords knows their parts",
        post(REGISTER, BOB | {"password": "Password1234567"}),
        registered(),
        (400, TOO_COMMON),
    ),
    Difference(
        "only passwords of sufficient length are checked for being common",
        post(REGISTER, BOB | {"password": "password"}),
        (400, {"password": [TOO_COMMON["password"][0], TOO_SHORT]}),
        (400, {"password": [TOO_SHORT]}),
    ),
    Difference(
        "passwords have 128 characters at most",
        post(REGISTER, BOB | {"password": "0a heron; " * 13}),
        registered(),
        (400, {"password": ["Ensure this field has no more than 128 characters."]}),
    ),
    Difference(
        "the username counts as one character of a password",
        post(REGISTER, BOB | {"password": "bob-bob-bob-2026"}),
        registered(),
        (400, {"password": ["The password is too similar to the username."]}),
    ),
    Difference(
        "the current password is checked only if all fields are present",
        post(SET_PASSWORD, {"current_password": "wrong"}, as_alice=True),
        (400, {"current_password": ["Invalid password."], "new_password": REQUIRED}),
        (400, {"new_password": REQUIRED}),
    ),
    Difference(
        "usernames keep to one script",
        post(REGISTER, BOB | {"username": "bоb"}),
        registered(username="bоb"),
        (400, {"username": ["Use letters and digits of one script: a mixture can imitate another name."]}),
    ),
    Difference(
        "usernames must not look like another one",
        post(REGISTER, BOB | {"username": "aIice"}),
        registered(username="aIice"),
        (400, {"username": ["This username looks like that of another user."]}),
    ),
    Difference(
        "the original application's own path for changing the password",
        post("/auth/password/", {"current_password": PASSWORD, "new_password": NEW}, as_alice=True),
        (404, ANYTHING),
        (204, ""),
    ),
]

EMAILS = [
    Difference(title, post(REGISTER, BOB | {"email": email}), theirs, ours)
    for title, email, theirs, ours in (
        ("addresses at localhost are invalid", "a@localhost", registered(email="a@localhost"), (400, INVALID_EMAIL)),
        ("short top-level domains are valid", "a@b.c", (400, INVALID_EMAIL), registered(email="a@b.c")),
        ("domains are stored in ASCII", "a@é.org", registered(email="a@é.org"), registered(email="a@xn--9ca.org")),
    )
] + [
    Difference(
        "the domain is stored in lower case after a change",
        Call("PATCH", ME, {"email": "a@Example.ORG"}, as_alice=True),
        (200, SHOWN | {"email": "a@Example.ORG"}),
        (200, SHOWN | {"email": "a@example.org"}),
    )
]

FORM = [
    *(
        Difference("the trailing slash is optional", call, (404, ANYTHING), ours)
        for call, ours in (
            (Call("GET", ME[:-1], as_alice=True), (200, SHOWN)),
            (post(REGISTER[:-1], BOB), registered()),
            (post(SET_PASSWORD[:-1]), (401, NOT_PROVIDED)),
        )
    ),
    *(
        Difference(
            "the Accept header and ?format= are ignored: responses are JSON",
            post(path, {}, headers=headers),
            theirs,
            (400, CANNOT_LOG_IN),
        )
        for path, headers, theirs in (
            (LOGIN, {"accept": "text/html"}, (406, {"detail": "Could not satisfy the request Accept header."})),
            (f"{LOGIN}?format=xml", {}, (404, {"detail": "Not found."})),
        )
    ),
    Difference(
        "OPTIONS describes nothing; the OpenAPI document does",
        Call("OPTIONS", LOGIN),
        (200, ANYTHING),
        (204, ""),
    ),
    Difference(
        "deeply nested JSON is a client error",
        post(LOGIN, content=b"[" * 60_000, headers=JSON),
        (500, ANYTHING),
        (400, ANYTHING),
    ),
    # Less than 2.5 MB: at that size Django stops reading and closes the connection, and the response may be lost.
    Difference(
        "bodies have 64 KiB at most",
        post(LOGIN, content=b"x" * 100_000, headers=JSON),
        (400, ANYTHING),
        (413, ANYTHING),
    ),
    Difference(
        "a media type with wildcards is unsupported",
        post(LOGIN, content=b"{}", headers={"content-type": "*/*"}),
        (400, CANNOT_LOG_IN),
        (415, {"detail": 'Unsupported media type "*/*" in request.'}),
    ),
]

WRONG = post(LOGIN, ALICE | {"password": "wrong"})
ELSEWHERE = "routes for e-mail and other accounts do not exist"

THE_REST = [
    Difference(
        "password guesses are throttled",
        WRONG,
        (400, CANNOT_LOG_IN),
        (429, {"detail": "Request was throttled. Expected available in 1 second."}),
        before=(WRONG,) * 5,
    ),
    Difference(
        "Bearer tokens are accepted, so an invalid one is reported",
        Call("GET", ME, options={"headers": {"authorization": "Bearer nope"}}),
        (401, NOT_PROVIDED),
        (401, INVALID_TOKEN),
    ),
    Difference(ELSEWHERE, Call("GET", "/auth/users/1/"), (401, NOT_PROVIDED), (404, ANYTHING)),
    *(
        Difference(ELSEWHERE, post(f"/auth/users/{name}/"), (400, ANYTHING), (404, ANYTHING))
        for name in ("activation", "resend_activation", "reset_password_confirm", "reset_username_confirm")
    ),
    *(
        Difference(
            ELSEWHERE, post(f"/auth/users/{name}/", {"email": "alice@example.org"}), (500, ANYTHING), (404, ANYTHING)
        )
        for name in ("reset_password", "reset_username")
    ),
    Difference(ELSEWHERE, post("/auth/users/set_username/"), (401, NOT_PROVIDED), (404, ANYTHING)),
]

DIFFERENCES = [*NAMES, *PASSWORDS, *EMAILS, *FORM, *THE_REST]
