"""The OpenAPI document of auth, from which the types of the web app are generated."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import create_engine

from auth.app import include_auth
from auth.routes import (
    account,
    activity,
    admin_audit,
    admin_clients,
    admin_users,
    apps,
    export,
    keys,
    session,
    sessions,
)
from auth.routes import schemas as shared
from auth.service import Auth
from tests.auth.application import SETTINGS

MODULES = [account, activity, admin_audit, admin_clients, admin_users, apps, export, keys, shared, session, sessions]
BASES = (shared.RequestModel, shared.ResponseModel)


def is_model_of(thing: object, module: ModuleType) -> bool:
    is_model = isinstance(thing, type) and issubclass(thing, BaseModel) and thing not in BASES
    return is_model and thing.__module__ == module.__name__


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = FastAPI()
    include_auth(app, Auth(create_engine("sqlite://"), SETTINGS, address_of=lambda _request: ""))
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        if path.startswith("/api/v1/"):
            yield from ((f"{method.upper()} {path}", operation) for method, operation in methods.items())


def test_every_operation_has_a_summary_and_a_tag(document: dict[str, Any]):
    """Its id is in frontend/openapi.json."""
    assert [name for name, operation in operations(document) if not (operation["summary"] and operation["tags"])] == []


def test_every_response_is_described(document: dict[str, Any]):
    for name, operation in operations(document):
        [success] = [status for status in operation["responses"] if status < "400"]
        reply = operation["responses"][success]
        if success == "204":
            assert "content" not in reply, name
        else:
            assert reply["content"]["application/json"]["schema"]["$ref"], name
        for status, refused in operation["responses"].items():
            if status >= "400":
                assert refused["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }, (name, status)


def test_possible_errors_are_described(document: dict[str, Any]):
    for name, operation in operations(document):
        described = set(operation["responses"])
        assert "503" in described, name
        assert {"401", "403"} <= described or "/session" in name, name
        if "requestBody" in operation:
            assert {"413", "422"} <= described, name
        if operation.get("parameters"):
            assert "422" in described, name


def schemas(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = document["components"]["schemas"]
    return found


def test_every_field_has_a_type(document: dict[str, Any]):
    for name, schema in schemas(document).items():
        for field, described in schema.get("properties", {}).items():
            known = {"type", "$ref", "anyOf", "enum", "const"} & set(described)
            assert known, f"{name}.{field}"
            assert described.get("type") != "array" or described["items"], f"{name}.{field}"


def test_request_bodies_have_no_additional_properties(document: dict[str, Any]):
    for name, operation in operations(document):
        if body := operation.get("requestBody"):
            reference = body["content"]["application/json"]["schema"]["$ref"]
            assert schemas(document)[reference.rpartition("/")[2]]["additionalProperties"] is False, name


def test_model_names_are_unique(document: dict[str, Any]):
    """FastAPI would prefix equal names with their modules."""
    assert [name for name in schemas(document) if "__" in name] == []


MODELS = [model for module in MODULES for model in vars(module).values() if is_model_of(model, module)]


def example_of(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The example that the documentation shows; fails if there is none."""
    if reference := schema.get("$ref"):
        return example_of(document, schemas(document)[reference.rpartition("/")[2]])
    if examples := schema.get("examples"):
        return examples[0]
    if schema.get("type") == "array":
        return [example_of(document, schema["items"])]
    if (kind := schema.get("type")) in {"boolean", "integer", "object"} and "properties" not in schema:
        return {"boolean": False, "integer": 1, "object": {}}[kind]
    required = schema.get("required", [])
    return {name: example_of(document, field) for name, field in schema["properties"].items() if name in required}


def test_examples_are_valid(document: dict[str, Any], subtests: pytest.Subtests):
    for model in MODELS:
        with subtests.test(model.__name__):
            example = example_of(document, schemas(document)[model.__name__])
            shown = model.model_validate(example)
            if not issubclass(model, shared.RequestModel):
                assert shown.model_dump(mode="json") == example
