"""The chart as rendered by Helm."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.kuberay.programs import ROOT, bundled

CHART: Final = ROOT / "kuberay" / "chart"
MODES: Final = ("alb", "gateway", "emissary", "none")

Manifest = dict[str, Any]


class RenderError(Exception):
    """The message is Helm's output."""


@dataclass(frozen=True)
class Values:
    """Files, and single values by path."""

    files: tuple[str, ...] = ()
    single: Mapping[str, Any] = field(default_factory=dict)

    def having(self, **single: Any) -> "Values":
        """With more single values; ``__`` is a dot."""
        return Values(self.files, {**self.single, **{name.replace("__", "."): value for name, value in single.items()}})

    def arguments(self) -> Iterator[str]:
        for name in self.files:
            yield from ("--values", str(CHART / name))
        for name, value in self.single.items():
            yield from ("--set-json", f"{name}={json.dumps(value)}")


DEV: Final = Values(("values-dev.yaml",))
EKS: Final = Values(
    ("values-eks.yaml",),
    {"ingress.host": "raylens.example.org", "gcsFaultTolerance.redisAddress": "rediss://redis.example.org:6379"},
)
"""With an Application Load Balancer, as in the file."""
SETS: Final = {
    "dev": DEV,
    "eks-alb": EKS,
    **{
        f"eks-{mode}": EKS.having(
            ingress__mode=mode, ingress__gateway__tlsSecret="tls", ingress__emissary__tlsSecret="tls"
        )
        for mode in MODES[1:]
    },
    "dev-alb": DEV.having(ingress__mode="alb", ingress__host="raylens.example.org"),
    "dev-gateway": DEV.having(
        ingress__mode="gateway", ingress__host="raylens.example.org", ingress__gateway__tlsSecret="tls"
    ),
    "dev-emissary": DEV.having(
        ingress__mode="emissary", ingress__host="raylens.example.org", ingress__emissary__tlsSecret="tls"
    ),
}
"""Every ingress mode with each file of values."""


class Helm:
    """Helm of a major version."""

    def __init__(self, major: int, folder: Path) -> None:
        """``folder`` is Helm's home."""
        self.major = major
        self._program = bundled("helm", major)
        self._environment = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
        self._rendered: dict[tuple[str, ...], list[Manifest]] = {}

    def template(self, values: Values, *, chart: Path = CHART, release: str = "raylens") -> list[Manifest]:
        """The manifests, rendered once for all callers, who must not change them. Raises RenderError."""
        command = ("template", release, str(chart), "--namespace", "vision", *values.arguments())
        if command not in self._rendered:
            documents = yaml.load_all(self.run(*command), yaml.CSafeLoader)
            self._rendered[command] = [manifest for manifest in documents if manifest]
        return self._rendered[command]

    def run(self, *arguments: str) -> str:
        """Helm's output. Raises RenderError."""
        outcome = subprocess.run(
            [str(self._program), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if outcome.returncode != 0:
            raise RenderError(outcome.stdout + outcome.stderr)
        return outcome.stdout


def one(manifests: Sequence[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The only object of a kind, or the one with a name."""
    (found,) = (m for m in manifests if m["kind"] == kind and name in {None, m["metadata"]["name"]})
    return found


def pods(manifests: Sequence[Manifest]) -> dict[str, Manifest]:
    """Pod templates by the name of their object; for a RayService ``head`` and ``workers``."""
    found: dict[str, Manifest] = {}
    for manifest in manifests:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "RayService":
            cluster = spec["rayClusterConfig"]
            found["head"] = cluster["headGroupSpec"]["template"]
            found |= {group["groupName"]: group["template"] for group in cluster["workerGroupSpecs"]}
        elif "template" in spec:
            found[manifest["metadata"]["name"]] = spec["template"]
    return found


def environment(pod: Manifest) -> dict[str, Any]:
    """Variables of a pod's first container: the value, or its source."""
    return {item["name"]: item.get("value", item.get("valueFrom")) for item in pod["spec"]["containers"][0]["env"]}
