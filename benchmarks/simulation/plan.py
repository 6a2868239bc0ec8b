"""Input of the simulation: the deployed configuration files, and assumptions about the hardware."""

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from ray.serve.config import AutoscalingConfig

from benchmarks.command import ROOT

CONFIG: Final = ROOT / "config" / "serve.yaml"
VALUES: Final = ROOT / "kuberay" / "chart" / "values.yaml"
EKS: Final = ROOT / "kuberay" / "chart" / "values-eks.yaml"


class BadPlan(ValueError):
    """A file or a setting cannot be used; the message is one line."""


@dataclass(frozen=True, slots=True)
class Deployment:
    cpus: float
    """CPUs that Ray reserves per replica."""
    scaling: AutoscalingConfig
    """For a fixed deployment minimum and maximum are equal."""
    scales: bool


@dataclass(frozen=True, slots=True)
class Workers:
    least: int
    most: int
    cpus: float
    idle_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    deployments: Mapping[str, Deployment]
    policy: Mapping[str, float]
    """Arguments of the scaling policy."""
    max_waiting: int
    """Maximum number of images waiting in one Ingress."""
    max_in_flight: int
    """Maximum number of images in flight per Ingress and Classifier."""
    workers: Workers


@dataclass(frozen=True, slots=True)
class Machine:
    """Assumptions about the hardware; docs/scaling.md lists their sources."""

    call_ms: float = 7.0
    """CPU time per model call, independent of the batch size."""
    image_ms: float = 13.7
    """CPU time per image of a model call."""
    overhead_ms: float = 16.0
    """Latency of a single request outside of the model."""
    ingress_ms: float = 1.9
    """CPU time of the Ingress per image."""
    preprocessor_ms: float = 4.0
    results_ms: float = 0.65
    replica_start_s: float = 9.0
    """From Serve's decision to a warm replica on an existing worker."""
    pod_start_s: float = 20.0
    """From the autoscaler's decision to a ready worker on an existing node."""
    node_start_s: float = 100.0
    """From an unschedulable pod to a node that has pulled the image."""
    node_empty_s: float = 300.0
    """Time after which an empty node is removed."""
    node_cpus: float = 7.6
    """CPUs of a node available to pods."""
    node_price: float = 0.4
    """Price per hour."""


def read(values: Sequence[Path] = (EKS,), settings: Sequence[str] = (), config: Path = CONFIG) -> Plan:
    """Merge ``config``, the chart's values, values files and settings in this order, as Helm does.

    ``settings`` use the syntax of ``helm --set``, e.g. ``workers.maxReplicas=20``. Raises BadPlan.
    """
    merged = _yaml(VALUES)
    for path in values:
        _merge(merged, _yaml(path))
    for setting in settings:
        _merge(merged, _nested(setting, merged))
    application = copy.deepcopy(_yaml(config)["applications"][0])
    _merge(application["args"], merged["serve"]["args"])
    policy = application["autoscaling_policy"]["policy_kwargs"]
    if unknown := set(merged["serve"]["autoscaling"]) - set(policy):
        raise BadPlan(f"serve.autoscaling.{unknown.pop()} is unknown; expected one of {', '.join(policy)}")
    _merge(policy, merged["serve"]["autoscaling"])
    deployments = {each["name"]: each for each in application["deployments"]}
    _merge(deployments, merged["serve"]["deployments"])
    queue, workers = application["args"]["queue"], merged["workers"]
    return Plan(
        {name: _deployment(name, each) for name, each in deployments.items()},
        {name: _number(f"serve.autoscaling.{name}", value) for name, value in policy.items()},
        int(_number("serve.args.queue.max_waiting", queue["max_waiting"])),
        int(_number("serve.args.queue", queue["max_batch"] * queue["batches_per_classifier"])),
        Workers(
            int(_number("workers.minReplicas", workers["minReplicas"])),
            int(_number("workers.maxReplicas", workers["maxReplicas"], workers["minReplicas"])),
            _number("workers.resources.limits.cpu", workers["resources"]["limits"]["cpu"]),
            _number("workers.idleTimeoutSeconds", workers["idleTimeoutSeconds"]),
        ),
    )


def _number(name: str, value: object, least: float = 1e-3) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if not least <= number < 1e9:
        raise BadPlan(f"{name} is {value}; expected a number of at least {least:g}")
    return number


def _deployment(name: str, document: Mapping[str, Any]) -> Deployment:
    replicas = document.get("num_replicas", 1)
    configured = document.get("autoscaling_config")
    scaling = configured or {"min_replicas": replicas, "max_replicas": replicas}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # metrics_interval_s has no replacement yet
            return Deployment(document["ray_actor_options"]["num_cpus"], AutoscalingConfig(**scaling), bool(configured))
    except ValueError as error:
        raise BadPlan(f"{name}: {' '.join(str(error).split())}") from None


def _yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise BadPlan(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise BadPlan(f"{path} must contain a mapping")
    return document


def _nested(setting: str, known: Mapping[str, Any]) -> dict[str, Any]:
    path, equals, value = setting.partition("=")
    keys = path.split(".")
    if not equals or keys[0] not in known:
        raise BadPlan(f"{setting!r} is invalid; expected a chart value, e.g. workers.maxReplicas=20")
    nested: Any = yaml.safe_load(value)
    for key in reversed(keys):
        nested = {key: nested}
    return dict(nested)


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)
