"""The strict schema of a RayService: unknown keys are errors, which Kubernetes would silently drop.

KubeRay's definition is not part of this project: ``RAYLENS_CRDS`` names a folder with ``ray.io_rayservices.yaml``, by
default ``../shared/crds``.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from tests.kuberay.programs import ROOT

FOLDER: Final = Path(os.environ.get("RAYLENS_CRDS") or ROOT.parent / "shared" / "crds")


@cache
def ray_service_schema() -> jsonschema.Draft7Validator:
    """Skips the test where the definition is missing."""
    path = FOLDER / "ray.io_rayservices.yaml"
    if not path.exists():
        pytest.skip(f"{path} is missing; RAYLENS_CRDS names a folder with KubeRay's definitions")
    versions = yaml.load(path.read_bytes(), yaml.CSafeLoader)["spec"]["versions"]
    (schema,) = (version["schema"]["openAPIV3Schema"] for version in versions if version["name"] == "v1")
    schema["properties"]["metadata"] = {"type": "object"}
    return jsonschema.Draft7Validator(closed(schema))


def closed(schema: Any) -> Any:
    """A copy that rejects unlisted keys, and accepts numbers and text where Kubernetes does."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: closed(value) for key, value in schema.items()}
    if isinstance(copy.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        copy.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        copy["type"] = ["integer", "string"]
    return copy
