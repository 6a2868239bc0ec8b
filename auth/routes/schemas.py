"""Request and response models, parameters and pagination that several routes share."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Protocol, TypeVar, cast

from fastapi import Depends, Path, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from auth.audit import RequestSource
from auth.http.numbers import INTEGER
from auth.principal import ALL_SCOPES, Role, Scope
from auth.tables import MAX_ID

MAX_BODY_BYTES: Final = 64 << 10
PAGE_SIZE: Final = 50
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Id = Annotated[int, Path(ge=1, le=MAX_ID), INTEGER]
ClientId = Annotated[str, Path(max_length=64)]
Before = Annotated[int | None, Query(ge=1, le=MAX_ID, description="`next_before` of the previous page."), INTEGER]
NextBefore = Annotated[
    int | None, Field(description="`before` of the next page; null on the last page.", examples=[341])
]


async def _source_of(request: Request) -> RequestSource:
    return cast("RequestSource", request.app.state.auth.request_source(request))


Source = Annotated[RequestSource, Depends(_source_of)]

USER_EXAMPLE: Final[JsonDict] = {
    "id": 7,
    "username": "alice",
    "email": "alice@example.org",
    "role": "user",
    "created_at": "2026-01-31T12:00:00Z",
    "has_password": True,
}


def _from_microseconds(value: object) -> object:
    return _EPOCH + timedelta(microseconds=value) if isinstance(value, int) else value


def _known_scopes(scopes: Iterable[str]) -> list[Scope]:
    """Sorted, without scopes that no longer exist."""
    return sorted(Scope(scope) for scope in ALL_SCOPES.intersection(scopes))


FromMicroseconds = BeforeValidator(_from_microseconds)
CreatedAt = Annotated[datetime, FromMicroseconds, Field(validation_alias="created_us")]
SeenAt = Annotated[datetime, FromMicroseconds, Field(validation_alias="seen_us")]
ScopeList = Annotated[list[Scope], BeforeValidator(_known_scopes)]


class _HasId(Protocol):
    @property
    def id(self) -> int: ...


_Row = TypeVar("_Row", bound=_HasId)


def paginate(rows: Sequence[_Row]) -> tuple[Sequence[_Row], int | None]:
    """One page of up to ``PAGE_SIZE + 1`` rows, and ``before`` of the next page."""
    page = rows[:PAGE_SIZE]
    return page, page[-1].id if len(rows) > PAGE_SIZE else None


async def no_store(response: Response) -> None:
    """Dependency that forbids caches to store the personal data in a response."""
    response.headers["Cache-Control"] = "no-store"


class RequestModel(BaseModel):
    """A JSON request body. Unknown fields are rejected, so that a typo is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class ResponseModel(BaseModel):
    """A JSON response, validated from the attributes of a domain object or by field name."""

    model_config = ConfigDict(from_attributes=True, validate_by_name=True, validate_by_alias=True)


class UserProfile(ResponseModel):
    """An account."""

    id: int
    username: str
    email: str = Field(description="May be empty.")
    role: Role
    created_at: CreatedAt
    has_password: bool = Field(description="If false, the user signs in with a provider only.")

    model_config = ConfigDict(json_schema_extra={"examples": [USER_EXAMPLE]})
