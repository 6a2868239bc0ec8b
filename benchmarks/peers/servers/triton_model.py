"""The model for Triton's Python backend, one process per instance."""

from typing import Any

import numpy as np
import triton_python_backend_utils as triton  # type: ignore[import-not-found]

from benchmarks.peers.engine import Classifier, PeerConfig


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        self.classifier = Classifier(PeerConfig.from_environment())

    def execute(self, requests: list[Any]) -> list[Any]:
        """Process all requests of a batch in one model call. A request may contain several rows."""
        bodies = [triton.get_input_tensor_by_name(request, "image").as_numpy().reshape(-1) for request in requests]
        rankings = iter(self.classifier.classify([photo for body in bodies for photo in body]))
        return [self._response([next(rankings) for _ in body]) for body in bodies]

    def _response(self, rankings: list[list[dict[str, Any]]]) -> Any:  # noqa: ANN401 - a class of the backend
        indices = np.array([[entry["index"] for entry in ranking] for ranking in rankings], np.int64)
        probabilities = np.array([[entry["probability"] for entry in ranking] for ranking in rankings], np.float32)
        return triton.InferenceResponse([triton.Tensor("index", indices), triton.Tensor("probability", probabilities)])
