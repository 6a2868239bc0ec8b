"""Logs of the pods' containers."""

import time
from collections.abc import Iterator
from threading import Event

from tests.kuberay.apiserver.http_api import ApiError, Response
from tests.kuberay.apiserver.store import Manifest, Store

FOLLOW_TIMEOUT_S = 60.0


class Logs:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._texts: dict[tuple[str, str, str], str] = {}

    def write(self, namespace: str, pod: str, text: str, container: str = "") -> None:
        """Without a container: the log of each."""
        self._texts[namespace, pod, container] = self._texts.get((namespace, pod, container), "") + text

    def response(self, pod: Manifest, query: dict[str, str], closing: Event) -> Response:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        containers = [container["name"] for container in pod["spec"]["containers"]]
        container = query.get("container") or containers[0]
        if container not in containers or ("container" not in query and len(containers) > 1):
            raise ApiError(400, "BadRequest", f"container {container} is not valid for pod {name}")
        text = self._texts.get((namespace, name, container)) or self._texts.get((namespace, name, ""), "")
        lines = text.splitlines(keepends=True)
        content = "".join(lines[-int(query.get("tailLines") or len(lines) or 1) :]).encode()
        if query.get("follow") == "true":
            return Response(stream=self._until_end(namespace, name, content, closing), media_type="text/plain")
        return Response(content, media_type="text/plain")

    def _until_end(self, namespace: str, name: str, content: bytes, closing: Event) -> Iterator[bytes]:
        """Ends with the pod."""
        yield content
        deadline = time.monotonic() + FOLLOW_TIMEOUT_S
        while not closing.wait(0.05) and time.monotonic() < deadline:
            pod = self._store.get("Pod", namespace, name)
            if pod is None or pod["status"]["phase"] in {"Succeeded", "Failed"}:
                return
