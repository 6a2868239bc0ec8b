"""The project's serve.yaml with a fake model that takes a known time, and as many replicas of it as are asked for."""

import copy
import math
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.load import ROOT

CONFIG: Final = ROOT / "config" / "serve.yaml"
CPUS: Final = 0.05
"""That Ray reserves for a replica: the fake model sleeps, and Ray shall not refuse what the cores may bear."""


def read(path: Path = CONFIG) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def faked(document: dict[str, Any], replicas: int, image_ms: float) -> dict[str, Any]:
    """A copy with a model that takes ``image_ms`` for each image, however many a call has, and fixed replicas.

    A replica so answers 1000 ÷ ``image_ms`` images a second at most. Preprocessors are as many as the policy would have
    for so many Classifiers.
    """
    document = copy.deepcopy(document)
    (application,) = document["applications"]
    application["args"]["classifier"] |= {"runtime": "fake", "precision": "auto", "fake_image_ms": image_ms}
    a_preprocessor = application["autoscaling_policy"]["policy_kwargs"]["classifiers_per_preprocessor"]
    numbers = {"Classifier": replicas, "Preprocessor": math.ceil(replicas / a_preprocessor)}
    for deployment in application["deployments"]:
        number = numbers.get(deployment["name"], 1)
        deployment["ray_actor_options"] = {"num_cpus": CPUS}
        if "autoscaling_config" in deployment:
            deployment["autoscaling_config"] |= {"min_replicas": number, "max_replicas": number}
        else:
            deployment["num_replicas"] = number
    return document


def write(document: dict[str, Any], path: Path) -> Path:
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path
