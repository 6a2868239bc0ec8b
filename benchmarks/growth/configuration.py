"""Variants of config/serve.yaml with a fake model of known latency and a fixed number of replicas."""

import copy
import math
from typing import Any, Final

CPUS: Final = 0.05
"""CPUs reserved per replica. Low, because the fake model sleeps and Ray would otherwise limit the replicas."""


def faked(document: dict[str, Any], replicas: int, image_ms: float) -> dict[str, Any]:
    """A copy with a fake model that takes ``image_ms`` per image, independent of the batch, and fixed replicas.

    A replica can process 1000 ÷ ``image_ms`` images per second. The number of Preprocessors follows the scaling
    policy.
    """
    document = copy.deepcopy(document)
    (application,) = document["applications"]
    application["args"]["classifier"] |= {"runtime": "fake", "precision": "auto", "fake_image_ms": image_ms}
    per_preprocessor = application["autoscaling_policy"]["policy_kwargs"]["classifiers_per_preprocessor"]
    numbers = {"Classifier": replicas, "Preprocessor": math.ceil(replicas / per_preprocessor)}
    for deployment in application["deployments"]:
        number = numbers.get(deployment["name"], 1)
        deployment["ray_actor_options"] = {"num_cpus": CPUS}
        if "autoscaling_config" in deployment:
            deployment["autoscaling_config"] |= {"min_replicas": number, "max_replicas": number}
        else:
            deployment["num_replicas"] = number
    return document
