"""config/serve.yaml is valid and documented, and is adapted to the machine."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from serve_app.cluster.serve_config import BadConfiguration, capped, fit, min_cores, read
from serve_app.config import BuildArguments

SHIPPED = Path(__file__).parent.parent / "config" / "serve.yaml"
SECURITY = SHIPPED.parents[1] / "docs" / "security.md"
MODELS = {"efficientnet-lite0": "efficientnet-lite0", "efficientnet-lite1": "/models/Lite 1.keras"}


@pytest.fixture
def document() -> dict[str, Any]:
    return read(SHIPPED)


def deployments(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {deployment["name"]: deployment for deployment in document["applications"][0]["deployments"]}


def error_of(path: Path, document: Any) -> str:
    """The error message for an invalid document, which must be one line with the path."""
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    with pytest.raises(BadConfiguration) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message.replace(str(path), "")


def test_ray_accepts_the_file(document: dict[str, Any]) -> None:
    (application,) = ServeDeploySchema.model_validate(document).applications
    assert [deployment.name for deployment in application.deployments] == [
        "Ingress",
        "Preprocessor",
        "Classifier",
        "Results",
    ]


def test_its_values_are_the_defaults(document: dict[str, Any]) -> None:
    """A configuration that omits a key behaves like the shipped one."""
    arguments = document["applications"][0]["args"]
    assert BuildArguments.model_validate(arguments) == BuildArguments()
    found = {name: set(group) for name, group in arguments.items()}
    expected = {name: set(group) for name, group in BuildArguments().model_dump().items() if name != "models"}
    assert found == expected, "every argument is in the file"


def test_every_key_of_the_arguments_has_a_comment() -> None:
    lines = SHIPPED.read_text().splitlines()
    first = lines.index("    args:")
    last = lines.index("    deployments:")
    for before, line in zip(lines[first:last], lines[first + 1 : last], strict=False):
        is_leaf = line.startswith(" " * 8) and ":" in line and not line.lstrip().startswith("#")
        if is_leaf:
            assert before.lstrip().startswith("#"), line


@pytest.mark.parametrize("group", ["queue", "limits", "preprocessor", "classifier", "records"])
def test_an_unknown_key_is_rejected(tmp_path: Path, document: dict[str, Any], group: str) -> None:
    changed = copy.deepcopy(document)
    changed["applications"][0]["args"][group]["max_batchs"] = 1
    assert f"args.{group}.max_batchs" in error_of(tmp_path / "serve.yaml", changed)


@pytest.mark.parametrize(
    ("group", "key", "value"),
    [
        ("queue", "max_batch", 0),
        ("queue", "max_waiting", -1),
        ("limits", "request_timeout_s", 0),
        ("limits", "image_mib", "many"),
        ("classifier", "runtime", "torch"),
        ("classifier", "batch_buckets", []),
        ("records", "drain_interval_s", -0.5),
    ],
)
def test_an_invalid_value_is_rejected(
    tmp_path: Path, document: dict[str, Any], group: str, key: str, value: Any
) -> None:
    changed = copy.deepcopy(document)
    changed["applications"][0]["args"][group][key] = value
    assert f"args.{group}.{key}" in error_of(tmp_path / "serve.yaml", changed)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "7",
        "[]",
        "applications: []",
        "applications: [7]",
        "applications: [{}, {}]",
        "applications: {a: 1}",
        "a: [",
        "applications: [{deployments: [7]}]",
        "applications: [{deployments: [{num_replicas: 1}]}]",
        "applications: [{deployments: {Ingress: 1}}]",
    ],
)
def test_malformed_files_are_rejected(tmp_path: Path, content: str) -> None:
    error_of(tmp_path / "serve.yaml", content)


def test_unreadable_files_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x80")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "binary"):
        with pytest.raises(BadConfiguration, match=str(path)):
            read(path)


def test_fit_sets_address_and_models(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    fitted = fit(document, MODELS, "0.0.0.0", 1234)
    assert document == before, "the document is not modified"
    assert (fitted["http_options"]["host"], fitted["http_options"]["port"]) == ("0.0.0.0", 1234)
    assert fitted["http_options"]["keep_alive_timeout_s"] == document["http_options"]["keep_alive_timeout_s"]
    assert fitted["applications"][0]["args"]["models"] == list(MODELS.values())
    blocks = deployments(fitted)
    further = blocks.pop("Classifier-efficientnet-lite1")
    assert set(blocks) == {"Ingress", "Preprocessor", "Classifier", "Results"}
    assert further == {**blocks["Classifier"], "name": "Classifier-efficientnet-lite1"}
    ServeDeploySchema.model_validate(fitted)


def test_idle_connections_are_closed_when_the_documentation_says_so(document: dict[str, Any]) -> None:
    (seconds,) = re.findall(r"\| idle connection \| ([0-9]+) s \|", SECURITY.read_text())
    assert document["http_options"]["keep_alive_timeout_s"] == int(seconds)


def test_fit_keeps_the_block_of_a_model(document: dict[str, Any]) -> None:
    own = {"name": "Classifier-efficientnet-lite1", "num_replicas": 3}
    document["applications"][0]["deployments"].append(own)
    assert deployments(fit(document, MODELS, "127.0.0.1", 1))["Classifier-efficientnet-lite1"] == own


def test_replicas_are_limited_to_the_cores_of_the_machine(document: dict[str, Any]) -> None:
    least = min_cores(document)
    small = deployments(capped(document, least))
    assert small["Classifier"]["autoscaling_config"]["max_replicas"] == 1
    assert min_cores(capped(document, least)) == least
    large = deployments(capped(document, 1000))
    assert large == deployments(document)
    assert deployments(capped(document, least + 2))["Classifier"]["autoscaling_config"]["max_replicas"] == 3
