"""What the API server says no with: a Status object, worded as k8s.io/apimachinery's ``api/errors`` words it."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tests.kuberay.apiserver.resources import Resource


@dataclass(frozen=True)
class Cause:
    """One field that is wrong; ``reason`` is one of FieldValueInvalid, FieldValueRequired, …"""

    reason: str
    field: str
    message: str


class Refused(Exception):
    """A request that fails."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details or {}

    def status(self) -> dict[str, Any]:
        """The object of kind Status that is the reply's body."""
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "code": self.code,
        }
        return {key: value for key, value in {**status, "details": self.details}.items() if value or key == "metadata"}


def _about(resource: Resource, name: str) -> dict[str, Any]:
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: value for key, value in details.items() if value}


def not_found(resource: Resource, name: str) -> Refused:
    return Refused(404, "NotFound", f'{resource.qualified} "{name}" not found', _about(resource, name))


def no_such_path() -> Refused:
    return Refused(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: Resource, name: str) -> Refused:
    return Refused(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists', _about(resource, name))


def conflict(resource: Resource, name: str, because: str) -> Refused:
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {because}'
    return Refused(409, "Conflict", message, _about(resource, name))


def modified(resource: Resource, name: str) -> Refused:
    """The resource version that the client knows is not the latest."""
    because = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(resource, name, because)


def apply_conflict(message: str, causes: Sequence[Cause]) -> Refused:
    return Refused(409, "Conflict", message, {"causes": _written(causes)})


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> Refused:
    """Well-formed, but not allowed."""
    faults = [f"{cause.field}: {cause.message}" for cause in causes]
    said = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = {"name": name, "group": resource.group, "kind": resource.kind, "causes": _written(causes)}
    return Refused(422, "Invalid", f'{kind} "{name}" is invalid: {said}', {k: v for k, v in details.items() if v})


def malformed(resource: Resource, because: str) -> Refused:
    """A body that cannot be read as what it should be."""
    version, kind = resource.version, resource.kind
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {because}')


def undeclared(resource: Resource, where: str, paths: Sequence[str]) -> Refused:
    """Unknown fields in server-side apply, which takes none whatever the client wants of validation."""
    group = f"{resource.group}/{resource.version}" if resource.group else f"/{resource.version}"
    faults = [f".{path}: field not declared in schema" for path in paths]
    told = faults[0] if len(faults) == 1 else "errors:" + "".join(f"\n  {fault}" for fault in faults)
    message = f"failed to create typed patch object ({where}; {group}, Kind={resource.kind}): {told}"
    return Refused(500, "", message)


def bad_request(message: str) -> Refused:
    return Refused(400, "BadRequest", message)


def unauthorized() -> Refused:
    return Refused(401, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource, name: str, because: str) -> Refused:
    about = f'{resource.qualified} "{name}"' if name else resource.qualified
    return Refused(403, "Forbidden", f"{about} is forbidden: {because}", _about(resource, name))


def method_not_allowed() -> Refused:
    return Refused(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def unsupported(accepted: Sequence[str]) -> Refused:
    listed = ", ".join(accepted)
    message = f"the body of the request was in an unknown format - accepted media types include: {listed}"
    return Refused(415, "UnsupportedMediaType", message)


def expired(asked: int, oldest: int) -> Refused:
    """A watch or a list that would need history which is gone."""
    return Refused(410, "Expired", f"too old resource version: {asked} ({oldest})")


def as_told(code: int, reason: str, message: str) -> Refused:
    """A failure that a test has ordered."""
    return Refused(code, reason or HTTPStatus(code).phrase.replace(" ", ""), message)


def _written(causes: Sequence[Cause]) -> list[dict[str, str]]:
    return [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
