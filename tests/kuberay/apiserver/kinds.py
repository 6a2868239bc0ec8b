"""The kinds that the API server serves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    group: str
    version: str
    plural: str
    name: str
    namespaced: bool
    subresources: tuple[str, ...]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The plural in messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def prefix(self) -> str:
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"


_TABLE: Final = """
v1 namespaces Namespace cluster status
v1 pods Pod namespaced status,log
v1 services Service namespaced status
v1 secrets Secret namespaced -
v1 configmaps ConfigMap namespaced -
v1 serviceaccounts ServiceAccount namespaced -
v1 persistentvolumeclaims PersistentVolumeClaim namespaced status
v1 events Event namespaced -
v1 resourcequotas ResourceQuota namespaced status
apps/v1 deployments Deployment namespaced status
batch/v1 jobs Job namespaced status
networking.k8s.io/v1 networkpolicies NetworkPolicy namespaced -
networking.k8s.io/v1 ingresses Ingress namespaced status
policy/v1 poddisruptionbudgets PodDisruptionBudget namespaced status
authorization.k8s.io/v1 selfsubjectaccessreviews SelfSubjectAccessReview cluster -
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition cluster status
ray.io/v1 rayservices RayService namespaced status
ray.io/v1 rayclusters RayCluster namespaced status
monitoring.coreos.com/v1 podmonitors PodMonitor namespaced status
monitoring.coreos.com/v1 prometheusrules PrometheusRule namespaced status
"""


class Kinds:
    """Of one server; a test may remove some."""

    def __init__(self) -> None:
        self._known = list(_rows())

    def __iter__(self) -> Iterator[Kind]:
        return iter(list(self._known))

    def remove(self, group: str, plural: str) -> None:
        self._known = [kind for kind in self._known if (kind.group, kind.plural) != (group, plural)]

    def at(self, api_version: str, plural: str) -> Kind | None:
        return next((kind for kind in self._known if (kind.api_version, kind.plural) == (api_version, plural)), None)

    def named(self, name: str) -> Kind:
        return next(kind for kind in self._known if kind.name == name)


def _rows() -> Iterator[Kind]:
    for line in _TABLE.strip().splitlines():
        api_version, plural, name, scope, subresources = line.split()
        group, _, version = api_version.rpartition("/")
        below = () if subresources == "-" else tuple(subresources.split(","))
        yield Kind(group, version, plural, name, scope == "namespaced", below)
