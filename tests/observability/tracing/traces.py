"""Recorded traces as trees of named spans."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.ingress.graph import Graph

CLIENT = "00f067aa0ba902b7"
"""Span id of the client."""
IMAGES = "/api/v1/classifications"


def traceparent(trace: int, sampled: bool = True) -> str:
    return f"00-{trace:032x}-{CLIENT}-{'01' if sampled else '00'}"


@dataclass
class Node:
    """A span and its children, in order of their start."""

    name: str
    span: ReadableSpan
    children: list["Node"] = field(default_factory=list)

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.span.attributes or {})

    @property
    def failure(self) -> str | None:
        """The error code; None if the span did not fail."""
        return self.span.status.description if not self.span.status.is_ok else None

    def outline(self) -> list[Any]:
        """Names only: ``[name, child, child, …]``; a span without children is its name."""
        return [self.name, *(part.outline() if part.children else part.name for part in self.children)]

    def find(self, *path: str) -> "Node":
        """The descendant with this path of names, each of which must be unique."""
        if not path:
            return self
        (part,) = (part for part in self.children if part.name == path[0])
        return part.find(*path[1:])


@dataclass
class Traces:
    graph: Graph
    memory: InMemorySpanExporter

    async def send(self, trace: int, data: bytes, sampled: bool = True, request_id: str = "") -> httpx.Response:
        headers = {"traceparent": traceparent(trace, sampled), "X-Request-Id": request_id}
        return await self.graph.client.post(IMAGES, content=data, headers=headers)

    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.memory.get_finished_spans()

    def of(self, trace: int) -> Node:
        """The tree of a client's trace, which has one root here."""
        (root,) = self._trees(trace)
        assert root.span.parent
        assert f"{root.span.parent.span_id:016x}" == CLIENT
        return root

    def batches(self) -> list[Node]:
        """The traces of batches."""
        roots = [span for span in self.spans() if span.parent is None]
        return [tree for root in roots for tree in self._trees(root.context.trace_id)]

    def _trees(self, trace: int) -> list[Node]:
        spans = [span for span in self.spans() if span.context.trace_id == trace]
        nodes = {span.context.span_id: Node(span.name, span) for span in spans}
        roots: list[Node] = []
        for node in sorted(nodes.values(), key=lambda node: node.span.start_time or 0):
            parent = nodes.get(node.span.parent.span_id) if node.span.parent else None
            (parent.children if parent else roots).append(node)
        return roots
