"""Every way in which we answer otherwise than the original, on purpose. What is not here has to be the same."""

from dataclasses import dataclass, field
from typing import Any

from tests.auth.reference.comparison import ALICE, LOGIN, ME, PASSWORD, REGISTER, SET_PASSWORD, Call, post

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
"""A page of Django's, or a token: the status says enough."""


@dataclass(frozen=True)
class Difference:
    """The status and body of each side for the last of the calls. Alice is there and has a token."""

    why: str
    call: Call
    theirs: tuple[int, Any]
    ours: tuple[int, Any]
    before: tuple[Call, ...] = field(default=())


def registered(**fields: Any) -> tuple[int, Any]:
    return 201, {"email": "", "id": "id", "username": "bob"} | fields


NAMES = [
    Difference(
        "ALICE and alice are one name",
        post(REGISTER, BOB | {"username": "ALICE"}),
        registered(username="ALICE"),
        (400, TAKEN),
    ),
    Difference("so ALICE may sign in", post(LOGIN, ALICE | {"username": "ALICE"}), (400, CANNOT_LOG_IN), (200, TOKEN)),
    Difference(
        "an accent may be a character of its own",
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
        "150 characters are the most after normalization, too",
        post(REGISTER, BOB | {"username": "ﬃ" * 51}),
        registered(username="ffi" * 51),
        (400, {"username": ["Ensure this field has no more than 150 characters."]}),
    ),
    Difference(
        "whether a name is taken is told once all else can be read",
        post(REGISTER, {"username": "alice"}),
        (400, TAKEN | {"password": REQUIRED}),
        (400, {"password": REQUIRED}),
    ),
]

PASSWORDS = [
    Difference(
        "the blocklist knows what common passwords are made of",
        post(REGISTER, BOB | {"password": "Password1234567"}),
        registered(),
        (400, TOO_COMMON),
    ),
    Difference(
        "it is asked only about passwords that are long enough",
        post(REGISTER, BOB | {"password": "password"}),
        (400, {"password": [TOO_COMMON["password"][0], TOO_SHORT]}),
        (400, {"password": [TOO_SHORT]}),
    ),
    Difference(
        "128 characters are the most",
        post(REGISTER, BOB | {"password": "0a heron; " * 13}),
        registered(),
        (400, {"password": ["Ensure this field has no more than 128 characters."]}),
    ),
    Difference(
        "a name counts as one character of a password, wherever it is in it",
        post(REGISTER, BOB | {"password": "bob-bob-bob-2026"}),
        registered(),
        (400, {"password": ["The password is too similar to the username."]}),
    ),
    Difference(
        "a password is checked only once all else can be read",
        post(SET_PASSWORD, {"current_password": "wrong"}, as_alice=True),
        (400, {"current_password": ["Invalid password."], "new_password": REQUIRED}),
        (400, {"new_password": REQUIRED}),
    ),
    Difference(
        "the original's own address for changing it",
        post("/auth/password/", {"current_password": PASSWORD, "new_password": NEW}, as_alice=True),
        (404, ANYTHING),
        (204, ""),
    ),
]

EMAILS = [
    Difference(f"{why}", post(REGISTER, BOB | {"email": email}), theirs, ours)
    for why, email, theirs, ours in (
        ("nobody gets mail at localhost", "a@localhost", registered(email="a@localhost"), (400, INVALID_EMAIL)),
        ("a short top-level domain is one", "a@b.c", (400, INVALID_EMAIL), registered(email="a@b.c")),
    )
] + [
    Difference(
        "the domain is kept in lower case after a change, too",
        Call("PATCH", ME, {"email": "a@Example.ORG"}, as_alice=True),
        (200, SHOWN | {"email": "a@Example.ORG"}),
        (200, SHOWN | {"email": "a@example.org"}),
    )
]

FORM = [
    *(
        Difference("the slash at the end may be missing", call, (404, ANYTHING), ours)
        for call, ours in (
            (Call("GET", ME[:-1], as_alice=True), (200, SHOWN)),
            (post(REGISTER[:-1], BOB), registered()),
            (post(SET_PASSWORD[:-1]), (401, NOT_PROVIDED)),
        )
    ),
    *(
        Difference(
            "the Accept header and ?format= change nothing: there is JSON",
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
        (405, {"detail": 'Method "OPTIONS" not allowed.'}),
    ),
    Difference(
        "deep nesting is no defect of ours",
        post(LOGIN, content=b"[" * 60_000, headers=JSON),
        (500, ANYTHING),
        (400, ANYTHING),
    ),
    # Less than the 2.5 MB from which Django stops reading: it then closes the connection, and the answer may be lost.
    Difference(
        "64 KiB are the most", post(LOGIN, content=b"x" * 100_000, headers=JSON), (400, ANYTHING), (413, ANYTHING)
    ),
    Difference(
        "a media type with wildcards is none",
        post(LOGIN, content=b"{}", headers={"content-type": "*/*"}),
        (400, CANNOT_LOG_IN),
        (415, {"detail": 'Unsupported media type "*/*" in request.'}),
    ),
]

WRONG = post(LOGIN, ALICE | {"password": "wrong"})
ELSEWHERE = "what needs mail or another's account is not there"

THE_REST = [
    Difference(
        "who guesses has to wait",
        WRONG,
        (400, CANNOT_LOG_IN),
        (429, {"detail": "Request was throttled. Expected available in 1 second."}),
        before=(WRONG,) * 5,
    ),
    Difference(
        "Bearer tokens get in too, so a bad one is told",
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
