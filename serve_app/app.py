"""The graph: four deployments and how they are bound. ``config/serve.yaml`` names :func:`build`."""

from functools import partial

from ray import serve
from ray.serve import Application
from ray.serve.config import RequestRouterConfig

from models.zoo import resolve_model
from serve_app.config import BuildArguments
from serve_app.deployments.classifier import ClassifierReplica
from serve_app.deployments.ingress import IngressReplica
from serve_app.deployments.preprocessor import PreprocessorReplica
from serve_app.deployments.results import ResultsReplica
from serve_app.settings import settings

# Serve's own router leaves replicas idle that it takes for busy.
stage = partial(
    serve.deployment,
    request_router_config=RequestRouterConfig(request_router_class="serve_app.deployments.router:FewestCallsRouter"),
)

Ingress = serve.deployment(name="Ingress")(serve.ingress()(IngressReplica))
Preprocessor = stage(name="Preprocessor")(PreprocessorReplica)
Classifier = stage(name="Classifier")(ClassifierReplica)
Results = stage(name="Results")(ResultsReplica)


def classifier_name(model: str, default: str) -> str:
    """The deployment of a model: ``Classifier`` for the default one, ``Classifier-<model>`` for the others."""
    return "Classifier" if model == default else f"Classifier-{model}"


def build(arguments: BuildArguments) -> Application:
    """Preprocessor → Classifier → Results behind the Ingress, one Classifier for each model."""
    specs = [resolve_model(name) for name in arguments.models or settings().models]
    default = specs[0].name
    preprocessor = Preprocessor.bind(specs, arguments.preprocessor)
    classifiers = {
        spec.name: Classifier.options(name=classifier_name(spec.name, default)).bind(spec, arguments.classifier)
        for spec in specs
    }
    results = Results.bind(specs, arguments.records)
    return Ingress.bind(preprocessor, classifiers, results, specs, arguments)
