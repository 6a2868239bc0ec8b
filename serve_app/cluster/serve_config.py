"""Reads ``config/serve.yaml`` and adapts it to this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, NonNegativeFloat, NonNegativeInt, ValidationError

from models.custom.names import ascii_name
from serve_app.config import APPLICATION, BuildArguments


class BadConfiguration(ValueError):
    """The file is invalid; the message is one line that names the place."""


def default_path() -> Path:
    """``config/serve.yaml`` in the working directory, else the one next to the package."""
    here = Path("config/serve.yaml")
    return here if here.is_file() else Path(__file__).parents[2] / "config" / "serve.yaml"


class _Scaling(BaseModel):
    min_replicas: NonNegativeInt = 1
    max_replicas: NonNegativeInt


class _Resources(BaseModel):
    num_cpus: NonNegativeFloat = 1.0


class _Deployment(BaseModel):
    name: str
    num_replicas: NonNegativeInt | None = None
    autoscaling_config: _Scaling | None = None
    ray_actor_options: _Resources = _Resources()


class _Application(BaseModel):
    args: BuildArguments = BuildArguments()
    deployments: list[_Deployment] = []


class _Document(BaseModel):
    """What this module reads of the configuration; Ray Serve validates the rest when it is deployed."""

    applications: list[_Application] = Field(min_length=1, max_length=1)
    http_options: dict[str, Any] = {}


def read(path: Path) -> dict[str, Any]:
    """Read and validate the document, except for what Ray Serve validates later. Raises BadConfiguration."""
    try:
        document = yaml.safe_load(path.read_bytes())
        _Document.model_validate(document)
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if not isinstance(error, ValidationError):
            raise BadConfiguration(f"{path} is not YAML: {' '.join(str(error).split())}") from None
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"])).removeprefix("applications.0.")
        raise BadConfiguration(
            f"{path}: {place or 'the document'}: {fault['msg'].partition(' or instance')[0]}"
        ) from None
    result: dict[str, Any] = document
    return result


def fit(document: dict[str, Any], models: Mapping[str, str], host: str, port: int) -> dict[str, Any]:
    """A copy for an address and models, the default first. Each other model gets a copy of the Classifier.

    ``models``: by name, what replicas find them by, which work in other folders than this process.
    """
    (application,) = document["applications"]
    arguments = {**application.get("args", {}), "models": list(models.values())}
    deployments = list(application.get("deployments", []))
    named = {deployment["name"] for deployment in deployments}
    classifier = next((deployment for deployment in deployments if deployment["name"] == "Classifier"), None)
    others = [f"Classifier-{ascii_name(model)}" for model in list(models)[1:]]
    if classifier:
        deployments += [{**classifier, "name": name} for name in others if name not in named]
    fitted = {**application, "name": APPLICATION, "args": arguments, "deployments": deployments}
    http_options = {**document.get("http_options", {}), "host": host, "port": port}
    return {**document, "http_options": http_options, "applications": [fitted]}


def min_cores(document: dict[str, Any]) -> float:
    """The CPUs that the minimum numbers of replicas request."""
    return sum(_cores(deployment) * _min_replicas(deployment) for deployment in _deployments(document))


def capped(document: dict[str, Any], cores: float) -> dict[str, Any]:
    """A copy whose ``max_replicas`` fit on ``cores`` CPUs. Ray would wait forever for replicas that do not fit."""
    spare = cores - min_cores(document)
    (application,) = document["applications"]
    deployments = [_capped(deployment, spare) for deployment in application.get("deployments", [])]
    return {**document, "applications": [{**application, "deployments": deployments}]}


def _capped(deployment: dict[str, Any], spare: float) -> dict[str, Any]:
    scaling = deployment.get("autoscaling_config")
    if not scaling or not _cores(deployment):
        return deployment
    fitting = _min_replicas(deployment) + max(0, int(spare / _cores(deployment)))
    return {**deployment, "autoscaling_config": {**scaling, "max_replicas": min(scaling["max_replicas"], fitting)}}


def _deployments(document: dict[str, Any]) -> list[dict[str, Any]]:
    deployments: list[dict[str, Any]] = document["applications"][0].get("deployments", [])
    return deployments


def _cores(deployment: dict[str, Any]) -> float:
    return float(deployment.get("ray_actor_options", {}).get("num_cpus", 1))


def _min_replicas(deployment: dict[str, Any]) -> int:
    scaling = deployment.get("autoscaling_config") or {}
    return int(scaling.get("min_replicas", deployment.get("num_replicas", 1)))
