"""Models of the Djoser-compatible API; those of request bodies only describe them in the OpenAPI document."""

from typing import Any, Final

from pydantic import BaseModel, Field

from auth.routes.problems import Responses
from auth.routes.schemas import ResponseModel

_SENTENCE: Final = "a long and simple sentence"


class DjoserUser(ResponseModel):
    """An account in Djoser's format."""

    email: str = Field(examples=["alice@example.org"], description="May be empty.")
    id: int = Field(examples=[7])
    username: str = Field(examples=["alice"])


class LoginToken(BaseModel):
    auth_token: str = Field(
        examples=["rlt_v1n0Q3v3sC7m2yW1x8p4Zk6bT5uR9aE0dF-gH_jKlMo"],
        description="For the header `Authorization: Token …`. It expires 30 days after its last use.",
    )


class Registration(BaseModel):
    username: str = Field(examples=["alice"], max_length=150, description="Letters, digits and @ . + - _ only.")
    password: str = Field(examples=[_SENTENCE], max_length=128)
    email: str = Field(default="", examples=["alice@example.org"], max_length=254)


class Login(BaseModel):
    username: str = Field(examples=["alice"])
    password: str = Field(examples=[_SENTENCE])


class ProfileChange(BaseModel):
    email: str = Field(default="", examples=["alice@example.org"], max_length=254)


class NewPassword(BaseModel):
    current_password: str = Field(examples=[_SENTENCE])
    new_password: str = Field(examples=["another long and simple sentence"])


class Deletion(BaseModel):
    current_password: str = Field(examples=[_SENTENCE])


def reads(model: type[BaseModel]) -> dict[str, Any]:
    """``openapi_extra`` of a route whose body is JSON or a form."""
    schema = model.model_json_schema()
    example = {name: field.examples[0] for name, field in model.model_fields.items() if field.examples}
    content = {
        media_type: {"schema": schema, "example": example}
        for media_type in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    }
    return {"requestBody": {"content": content}}


_EXAMPLES: Final[dict[int, tuple[str, dict[str, object]]]] = {
    400: ("Invalid fields, or a body that cannot be parsed", {"username": ["This field is required."]}),
    401: ("The token is missing, invalid or expired", {"detail": "Invalid token."}),
    403: ("Permission denied", {"detail": "Registration is disabled; ask an administrator for an account."}),
    413: ("The body is too large", {"detail": "The body is larger than 65536 bytes."}),
    415: ("Neither JSON nor a form", {"detail": 'Unsupported media type "text/plain" in request.'}),
    429: (
        "Too many failed sign-ins, or accounts created from one address; see Retry-After",
        {"detail": "Request was throttled. Expected available in 12 seconds."},
    ),
    503: (
        "The database is unavailable, or too many sign-ins are in progress; see Retry-After",
        {"detail": "Service temporarily unavailable, try again later."},
    ),
}
BODY_ERRORS: Final = (400, 413, 415)


def errors(*statuses: int) -> Responses:
    """``responses`` of a route."""
    return {
        status: {
            "description": _EXAMPLES[status][0],
            "content": {"application/json": {"schema": {"type": "object"}, "example": _EXAMPLES[status][1]}},
        }
        for status in sorted(statuses)
    }
