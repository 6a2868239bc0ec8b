"""What several routes take and give."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

import auth.principal
from auth.principal import ALL_SCOPES, Role, Scope, Scopes

MOST_BODY: Final = 64 << 10
"""Bytes of JSON that these routes read."""
LARGEST_ID: Final = (1 << 63) - 1
PAGE: Final = 50
"""Entries of a list that goes on with ``before``."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Before = Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="`next_before` of the page before.")]
NextBefore = Annotated[int | None, Field(description="`before` of the next page; null at the end.", examples=[341])]

ALICE: Final[JsonDict] = {
    "id": 7,
    "username": "alice",
    "email": "alice@example.org",
    "role": "user",
    "created_at": "2026-01-31T12:00:00Z",
    "has_password": True,
}


def moment(us: int) -> datetime:
    """From Unix microseconds; goes out as RFC 3339 in UTC."""
    return EPOCH + timedelta(microseconds=us)


def scope_list(scopes: Scopes) -> list[Scope]:
    """In the order of their names; without those that are no more."""
    return sorted(Scope(scope) for scope in scopes & ALL_SCOPES)


async def private(response: Response) -> None:
    """What is told to one person, no cache keeps."""
    response.headers["Cache-Control"] = "no-store"


class Body(BaseModel):
    """What is sent. A field that nobody knows is refused, so that none is left out by a slip of the pen."""

    model_config = ConfigDict(extra="forbid")


class User(BaseModel):
    """An account."""

    id: int
    username: str
    email: str = Field(description="May be empty.")
    role: Role
    created_at: datetime
    has_password: bool = Field(description="Otherwise they sign in with others alone.")

    model_config = ConfigDict(json_schema_extra={"examples": [ALICE]})

    @classmethod
    def of(cls, user: "auth.principal.User") -> "User":
        return cls(
            id=user.id,
            username=user.username,
            email=user.email,
            role="admin" if user.role == "admin" else "user",
            created_at=moment(user.created_us),
            has_password=user.has_password,
        )
