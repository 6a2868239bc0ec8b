"""The Ray cluster of ``raylens serve``: started on this machine, or joined if ``RAY_ADDRESS`` is set."""

import contextlib
import importlib
import logging
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from serve_app.cluster.object_store import object_store_options
from serve_app.cluster.run_folder import ray_folder
from serve_app.config import APPLICATION

if TYPE_CHECKING:
    from serve_app.cluster.ray_internals import TextSink

DRAIN_TIMEOUT_S: Final = 35.0
"""Longer than any request may take."""


class ClusterFailed(RuntimeError):
    """Ray or the application did not start; the message gives the reason in one line."""


@dataclass(frozen=True, slots=True)
class NewCluster:
    """A cluster to start on this machine."""

    folder: str
    cpus: int
    dashboard: bool
    metrics_port: int


class RayCluster:
    """A context manager. Import ``ray`` only inside of it, because Ray reads its flags when it is imported."""

    def __init__(self, new: NewCluster | None, log: "TextSink" = sys.stderr) -> None:
        """``new``: None joins the cluster of ``RAY_ADDRESS``. ``log``: receives the log lines of the replicas."""
        self._new = new
        self._log = log
        self.dashboard_url: str | None = None

    def __enter__(self) -> Self:
        import ray  # noqa: PLC0415

        # This import takes a second, in which Ray's processes start.
        threading.Thread(target=importlib.import_module, args=("ray.serve.schema",), daemon=True).start()
        from serve_app.cluster.ray_internals import relay_replica_logs, start_options  # noqa: PLC0415

        if self._new is None:
            context = ray.init(logging_level=logging.ERROR)
        else:
            context = ray.init(
                address="local",
                num_cpus=self._new.cpus,
                include_dashboard=self._new.dashboard,
                dashboard_host="127.0.0.1",
                logging_level=logging.ERROR,
                **start_options(self._new.metrics_port, ray_folder(Path(self._new.folder))),
                **object_store_options(Path(self._new.folder)),
            )
        relay_replica_logs(self._log)
        url = context.dashboard_url
        self.dashboard_url = f"http://{url}" if url else None
        return self

    def deploy(self, config: dict[str, Any]) -> None:
        """Deploy a Serve configuration; returns before the application runs. Raises ClusterFailed."""
        from pydantic import ValidationError  # noqa: PLC0415
        from ray.serve.schema import ServeDeploySchema  # noqa: PLC0415

        from serve_app.cluster.ray_internals import deploy_schema  # noqa: PLC0415

        try:
            schema = ServeDeploySchema.model_validate(config)
        except ValidationError as error:
            fault = error.errors()[0]
            raise ClusterFailed(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        deploy_schema(schema, config["http_options"], config.get("proxy_location"))

    def progress(self, application: str) -> tuple[int, int]:
        """(running, all) deployments; (0, 0) before there are any. Raises ClusterFailed if one has failed."""
        from serve_app.cluster.serve_status import application_state  # noqa: PLC0415

        state = application_state(application)
        if state is None:
            return 0, 0
        if state.status in {"DEPLOY_FAILED", "UNHEALTHY"}:
            messages = [state.message, *(deployment.message for deployment in state.deployments.values())]
            reasons = dict.fromkeys(message.strip().splitlines()[-1] for message in messages if message.strip())
            raise ClusterFailed("; ".join(reasons))
        running = sum(1 for deployment in state.deployments.values() if deployment.running)
        return running, len(state.deployments)

    def drain(self, application: str) -> None:
        """Wait until the images in progress are answered. Errors are ignored, because the application stops anyway."""
        from ray import serve  # noqa: PLC0415

        from serve_app.cluster.ray_internals import use_without_event_loop  # noqa: PLC0415

        handle = serve.get_deployment_handle("Ingress", application)
        with contextlib.suppress(Exception):
            use_without_event_loop(handle)
            handle.drain.remote().result(timeout_s=DRAIN_TIMEOUT_S)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._new and error:
            return  # `raylens serve` kills all processes, which cannot hang

        import ray  # noqa: PLC0415
        from ray import serve  # noqa: PLC0415

        from serve_app.cluster.ray_internals import silence_controller_exit  # noqa: PLC0415

        try:
            if self._new is None:
                serve.delete(APPLICATION)
            else:
                silence_controller_exit()
                serve.shutdown()
        finally:
            ray.shutdown()
