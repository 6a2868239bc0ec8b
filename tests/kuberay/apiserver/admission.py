"""What an object has to be before it is written: read, filled in, checked."""

import json
import re
from typing import Any, Final

from tests.kuberay.apiserver import defaults
from tests.kuberay.apiserver.options import Options
from tests.kuberay.apiserver.refusal import Cause, bad_request, invalid, malformed
from tests.kuberay.apiserver.resources import Resource
from tests.kuberay.apiserver.schemas import metadata, schema_of
from tests.kuberay.apiserver.store import Manifest, copied
from tests.kuberay.apiserver.validation import broken_rules, default, faults, mismatch, pruned, unknown_fields

SUBDOMAIN: Final = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
LABEL: Final = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")

IMMUTABLE: Final = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "podManagementPolicy"),
    "Job": ("selector", "template", "completions"),
    "PersistentVolumeClaim": ("accessModes", "storageClassName", "volumeName"),
}


def admitted(resource: Resource, manifest: Manifest, options: Options, warnings: list[str]) -> Manifest:
    """The object as it was meant: what its schema does not know is gone. Raises Refused; adds to ``warnings``."""
    if not isinstance(manifest, dict):
        raise bad_request("the object provided is unrecognized (must be of type Object)")
    _check_envelope(resource, manifest)
    schema = schema_of(resource)
    unknown = unknown_in(resource, manifest)
    said = [f'unknown field "{path}"' for path in unknown]
    if said and options.validation == "Strict":
        raise malformed(resource, f"strict decoding error: {', '.join(said)}")
    if options.validation == "Warn":
        warnings.extend(said)
    result: Manifest = pruned(schema, manifest) if schema else copied(manifest)
    result["metadata"] = pruned(metadata(), result.get("metadata") or {}, "metadata")
    if schema and not resource.custom and (fault := mismatch(schema, result)):
        raise malformed(resource, fault)
    return result


def unknown_in(resource: Resource, manifest: Manifest) -> list[str]:
    """Paths of the fields that the schema of a kind does not have; none where nobody told the schema."""
    unknown = list(unknown_fields(metadata(), manifest.get("metadata") or {}, "metadata"))
    if schema := schema_of(resource):
        unknown += [path for path in unknown_fields(schema, manifest) if not path.startswith("metadata")]
    return unknown


def _check_envelope(resource: Resource, manifest: Manifest) -> None:
    if manifest.get("kind", resource.kind) != resource.kind:
        raise bad_request(
            f'{manifest.get("kind")} in version "{resource.version}" cannot be handled as a {resource.kind}'
        )
    said = manifest.get("apiVersion", resource.api_version)
    if said != resource.api_version:
        expected = f"does not match the expected API version ({resource.api_version})"
        raise bad_request(f"the API version in the data ({said}) {expected}")
    manifest.setdefault("apiVersion", resource.api_version)
    manifest.setdefault("kind", resource.kind)


def complete(resource: Resource, manifest: Manifest) -> None:
    """Fill in defaults, in place."""
    if not resource.custom:
        defaults.fill(manifest)
    elif schema := schema_of(resource):
        default(schema, manifest)


def check(resource: Resource, manifest: Manifest, before: Manifest | None) -> None:
    """Raises Refused (422) for what may not be. What was wrong before and is as it was passes, as in 1.33."""
    causes = [*_of_metadata(manifest["metadata"])]
    if resource.custom and (schema := schema_of(resource)):
        known = set(faults(schema, before)) if before else set()
        causes += [fault for fault in faults(schema, manifest) if fault not in known]
        causes += broken_rules(schema, manifest, before)
    elif before:
        causes += _immutable(resource, manifest, before)
    if causes:
        raise invalid(resource, manifest["metadata"]["name"], causes)


def _of_metadata(meta: Manifest) -> list[Cause]:
    causes = []
    if not SUBDOMAIN.match(meta["name"]):
        rule = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            "and must start and end with an alphanumeric character"
        )
        causes.append(Cause("FieldValueInvalid", "metadata.name", f"Invalid value: {json.dumps(meta['name'])}: {rule}"))
    for value in (meta.get("labels") or {}).values():
        if not LABEL.match(value) or len(value) > 63:
            rule = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
            said = f"Invalid value: {json.dumps(value)}: {rule}"
            causes.append(Cause("FieldValueInvalid", "metadata.labels", said))
    return causes


def _immutable(resource: Resource, manifest: Manifest, before: Manifest) -> list[Cause]:
    return [
        Cause(
            "FieldValueInvalid",
            f"spec.{name}",
            f"Invalid value: {_shown(manifest['spec'].get(name))}: field is immutable",
        )
        for name in IMMUTABLE.get(resource.kind, ())
        if manifest["spec"].get(name) != before["spec"].get(name)
    ]


def _shown(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
