"""One cluster for all tests in this folder; each leaves it serving."""

import contextlib
from collections.abc import Iterator

import pytest

from serve_app.database import schema
from tests.chaos.cluster.ray_service import RayService
from tests.chaos.record_checker import RecordChecker
from tests.kuberay.chart import EKS, Helm, Values
from tests.servers.redis import Redis

ONE = {"min_replicas": 1, "max_replicas": 1}


def values() -> Values:
    """Those of EKS, but smaller and faster to scale: a worker has room for two Classifiers, not for three."""
    quick = {"min_replicas": 1, "max_replicas": 3, "upscale_delay_s": 1, "downscale_delay_s": 3}
    return EKS.having(
        settings__rate_limit_anonymous="off",
        serve__autoscaling__images_per_classifier=8,
        serve__deployments__Ingress__autoscaling_config=ONE,
        serve__deployments__Preprocessor__autoscaling_config=ONE,
        serve__deployments__Classifier__autoscaling_config=quick,
        serve__deployments__Classifier__ray_actor_options__num_cpus=1.3,
        serve__deployments__Results__num_replicas=1,
    )


@pytest.fixture(scope="package")
def ray_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayService]:
    """With one worker; one Ingress, Preprocessor and Results, and one to three Classifiers."""
    folder = tmp_path_factory.mktemp("cluster")
    manifests = Helm(4, folder).template(values())
    with contextlib.ExitStack() as stack:
        redis = Redis(folder)
        redis.start()
        stack.callback(redis.stop)
        settings = {
            "RAYLENS_DATABASE_URL": f"sqlite:///{folder / 'raylens.db'}",
            "RAYLENS_REDIS_URL": redis.url,
            "RAYLENS_SECRET_KEY": "a secret key for these tests only",
        }
        schema.upgrade(settings["RAYLENS_DATABASE_URL"])
        service = stack.enter_context(RayService(manifests, folder, settings, redis=f"127.0.0.1:{redis.port}"))
        service.start()
        service.add_worker()
        service.deploy(service.document)
        took_s = service.wait_for(lambda: service.is_settled(Ingress=1, Classifier=1), "the first start")
        print(f"all stages are ready {took_s:.1f} s after the deployment")
        yield service


@pytest.fixture
def records(ray_service: RayService) -> Iterator[RecordChecker]:
    checker = RecordChecker(ray_service.folder / "data", f"sqlite:///{ray_service.folder / 'raylens.db'}")
    yield checker
    checker.close()
