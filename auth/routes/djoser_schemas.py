"""How the original's accounts API is described in the OpenAPI document. Bodies are read by hand."""

from typing import Any, Final

from pydantic import BaseModel, Field

import auth.principal

SENTENCE: Final = "a long and simple sentence"
Responses = dict[int | str, dict[str, Any]]


class DjoserUser(BaseModel):
    """An account, as the original shows it."""

    email: str = Field(examples=["alice@example.org"], description="May be empty.")
    id: int = Field(examples=[7])
    username: str = Field(examples=["alice"])

    @classmethod
    def of(cls, user: "auth.principal.User") -> "DjoserUser":
        return cls(email=user.email, id=user.id, username=user.username)


class Token(BaseModel):
    auth_token: str = Field(
        examples=["rlt_v1n0Q3v3sC7m2yW1x8p4Zk6bT5uR9aE0dF-gH_jKlMo"],
        description="For the header `Authorization: Token …`. It ends 30 days after it was last used.",
    )


class Registration(BaseModel):
    username: str = Field(examples=["alice"], max_length=150, description="Letters, digits and @ . + - _ only.")
    password: str = Field(examples=[SENTENCE], max_length=128)
    email: str = Field(default="", examples=["alice@example.org"], max_length=254)


class Login(BaseModel):
    username: str = Field(examples=["alice"])
    password: str = Field(examples=[SENTENCE])


class ProfileChange(BaseModel):
    email: str = Field(default="", examples=["alice@example.org"], max_length=254)


class NewPassword(BaseModel):
    current_password: str = Field(examples=[SENTENCE])
    new_password: str = Field(examples=["another long and simple sentence"])


class Deletion(BaseModel):
    current_password: str = Field(examples=[SENTENCE])


def reads(model: type[BaseModel]) -> dict[str, Any]:
    """For a route's ``openapi_extra``: JSON or a form."""
    schema = model.model_json_schema()
    example = {name: field.examples[0] for name, field in model.model_fields.items() if field.examples}
    content = {
        media_type: {"schema": schema, "example": example}
        for media_type in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    }
    return {"requestBody": {"content": content}}


_EXAMPLES: Final[dict[int, tuple[str, dict[str, object]]]] = {
    400: ("Wrong fields, or a body that cannot be read", {"username": ["This field is required."]}),
    401: ("No token, or one that is no good (any more)", {"detail": "Invalid token."}),
    403: ("Not allowed with what was sent", {"detail": "Accounts are made by the administrators here."}),
    413: ("The body is too large", {"detail": "The body is too large; 65536 bytes are the most."}),
    415: ("Neither JSON nor a form", {"detail": 'Unsupported media type "text/plain" in request.'}),
    429: (
        "Too many failed sign-ins, or accounts made from one address; see Retry-After",
        {"detail": "Request was throttled. Expected available in 12 seconds."},
    ),
    503: (
        "The database cannot be reached, or too many passwords wait to be checked; see Retry-After",
        {"detail": "Service temporarily unavailable, try again later."},
    ),
}
BODY_ERRORS: Final = (400, 413, 415)


def errors(*statuses: int) -> Responses:
    """For a route's ``responses``."""
    return {
        status: {
            "description": _EXAMPLES[status][0],
            "content": {"application/json": {"schema": {"type": "object"}, "example": _EXAMPLES[status][1]}},
        }
        for status in sorted(statuses)
    }
