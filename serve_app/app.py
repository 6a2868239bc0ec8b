"""The application: four deployments, bound to a graph. ``config/serve.yaml`` names :func:`build`."""

from collections.abc import Sequence
from typing import Final

from ray import serve
from ray.serve import Application, Deployment
from ray.serve.config import RequestRouterConfig

from models.custom.names import ascii_name
from models.spec import ModelSpec
from models.zoo import resolve_models
from serve_app.config import BuildArguments
from serve_app.deployments.classifier import ClassifierDeployment
from serve_app.deployments.ingress import IngressDeployment
from serve_app.deployments.preprocessor import PreprocessorDeployment
from serve_app.deployments.results import ResultsDeployment
from serve_app.settings import settings

_ROUTER: Final = RequestRouterConfig(request_router_class="serve_app.deployments.router:FewestCallsRouter")


def build(arguments: BuildArguments) -> Application:
    """Bind Preprocessor, one Classifier per model, and Results behind the Ingress."""
    specs = resolve_models(arguments.models or settings().models)
    preprocessor = stage_deployment(PreprocessorDeployment, "Preprocessor").bind(
        specs, arguments.preprocessor, arguments.queue.expensive_cost
    )
    classifiers = {
        spec.name: stage_deployment(ClassifierDeployment, name).bind(spec, arguments.classifier)
        for spec, name in zip(specs, classifier_names(specs), strict=True)
    }
    results = stage_deployment(ResultsDeployment, "Results").bind(specs, arguments.records)
    ingress = serve.deployment(serve.ingress()(IngressDeployment), name="Ingress")
    return ingress.bind(preprocessor, classifiers, results, specs, arguments)


def stage_deployment(stage: type, name: str) -> Deployment:
    """A deployment of ``stage`` whose calls go to the replica with the fewest calls in flight."""
    return serve.deployment(stage, name=name, request_router_config=_ROUTER)


def classifier_names(specs: Sequence[ModelSpec]) -> list[str]:
    """``Classifier`` for the default model, which is the first, and ``Classifier-<model>`` for each other model."""
    return ["Classifier", *(f"Classifier-{ascii_name(spec.name)}" for spec in specs[1:])]
