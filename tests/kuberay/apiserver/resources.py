"""The kinds of objects that the server knows, and where they lie in its API."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

Columns = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Resource:
    """One kind in one version."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    schema: dict[str, Any] | None = field(default=None, compare=False)
    """A structural OpenAPI schema, where the kind was defined by a CustomResourceDefinition that has one."""
    custom: bool = False
    columns: Columns = ()
    """Name, type and JSONPath of what ``kubectl get`` shows beside the name."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The plural as messages have it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def prefix(self) -> str:
        """The path of its API."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def verbs(self) -> list[str]:
        if self.group in VIRTUAL:
            return ["create"]
        return ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

    @property
    def counts_generations(self) -> bool:
        """Whether a change of what is wanted raises ``metadata.generation``."""
        return self.custom or self.group in {"apps", "batch", "policy", "networking.k8s.io", "autoscaling"}


VIRTUAL: Final = {"authorization.k8s.io", "authentication.k8s.io"}
"""Groups whose objects are questions: answered, and kept nowhere."""

TABLE: Final = """
v1 namespaces Namespace cluster status ns
v1 nodes Node cluster status no
v1 pods Pod namespaced status,log po
v1 services Service namespaced status svc
v1 endpoints Endpoints namespaced - ep
v1 secrets Secret namespaced - -
v1 configmaps ConfigMap namespaced - cm
v1 serviceaccounts ServiceAccount namespaced - sa
v1 persistentvolumeclaims PersistentVolumeClaim namespaced status pvc
v1 persistentvolumes PersistentVolume cluster status pv
v1 events Event namespaced - ev
v1 resourcequotas ResourceQuota namespaced status quota
v1 limitranges LimitRange namespaced - limits
apps/v1 deployments Deployment namespaced status,scale deploy
apps/v1 statefulsets StatefulSet namespaced status,scale sts
apps/v1 replicasets ReplicaSet namespaced status,scale rs
apps/v1 daemonsets DaemonSet namespaced status ds
batch/v1 jobs Job namespaced status -
batch/v1 cronjobs CronJob namespaced status cj
networking.k8s.io/v1 networkpolicies NetworkPolicy namespaced - netpol
networking.k8s.io/v1 ingresses Ingress namespaced status ing
networking.k8s.io/v1 ingressclasses IngressClass cluster - -
policy/v1 poddisruptionbudgets PodDisruptionBudget namespaced status pdb
autoscaling/v2 horizontalpodautoscalers HorizontalPodAutoscaler namespaced status hpa
rbac.authorization.k8s.io/v1 roles Role namespaced - -
rbac.authorization.k8s.io/v1 rolebindings RoleBinding namespaced - -
rbac.authorization.k8s.io/v1 clusterroles ClusterRole cluster - -
rbac.authorization.k8s.io/v1 clusterrolebindings ClusterRoleBinding cluster - -
storage.k8s.io/v1 storageclasses StorageClass cluster - sc
scheduling.k8s.io/v1 priorityclasses PriorityClass cluster - pc
coordination.k8s.io/v1 leases Lease namespaced - -
discovery.k8s.io/v1 endpointslices EndpointSlice namespaced - -
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition cluster status crd
authorization.k8s.io/v1 selfsubjectaccessreviews SelfSubjectAccessReview cluster - -
authorization.k8s.io/v1 selfsubjectrulesreviews SelfSubjectRulesReview cluster - -
authentication.k8s.io/v1 selfsubjectreviews SelfSubjectReview cluster - -
"""

SCHEMALESS: Final = """
ray.io/v1 rayjobs RayJob namespaced status -
monitoring.coreos.com/v1 podmonitors PodMonitor namespaced status pmon
monitoring.coreos.com/v1 servicemonitors ServiceMonitor namespaced status smon
monitoring.coreos.com/v1 prometheusrules PrometheusRule namespaced status promrule
gateway.networking.k8s.io/v1 gateways Gateway namespaced status gtw
gateway.networking.k8s.io/v1 httproutes HTTPRoute namespaced status -
gateway.networking.k8s.io/v1 gatewayclasses GatewayClass cluster status gc
getambassador.io/v3alpha1 listeners Listener namespaced status -
getambassador.io/v3alpha1 hosts Host namespaced status -
getambassador.io/v3alpha1 mappings Mapping namespaced status -
karpenter.sh/v1 nodepools NodePool cluster status -
karpenter.k8s.aws/v1 ec2nodeclasses EC2NodeClass cluster status -
"""
"""Kinds of other projects, whose definitions are not at hand: any key is taken."""


def _listed(word: str) -> tuple[str, ...]:
    return () if word == "-" else tuple(word.split(","))


def _rows(table: str, *, custom: bool) -> Iterator[Resource]:
    for line in table.strip().splitlines():
        api_version, plural, kind, scope, subresources, short = line.split()
        group, _, version = api_version.rpartition("/")
        namespaced, categories = scope == "namespaced", ("all",) if group in {"apps", "batch"} else ()
        below = _listed(subresources)
        yield Resource(group, version, plural, kind, namespaced, below, _listed(short), categories, custom=custom)


class Resources:
    """The kinds of one server; a CustomResourceDefinition adds its own."""

    def __init__(self) -> None:
        self._known = [*_rows(TABLE, custom=False), *_rows(SCHEMALESS, custom=True)]

    def __iter__(self) -> Iterator[Resource]:
        return iter(list(self._known))

    def define(self, definition: dict[str, Any]) -> None:
        """Take up every served version of a CustomResourceDefinition, in the place of what it was before."""
        spec = definition["spec"]
        names = spec["names"]
        self.forget(spec["group"], names["plural"])
        for version in spec["versions"]:
            if not version.get("served", True):
                continue
            row = Resource(
                spec["group"],
                version["name"],
                names["plural"],
                names["kind"],
                spec["scope"] == "Namespaced",
                tuple(version.get("subresources") or ()),
                tuple(names.get("shortNames", ())),
                tuple(names.get("categories", ())),
                version.get("schema", {}).get("openAPIV3Schema"),
                custom=True,
                columns=_columns(version),
            )
            self._known.append(row)

    def forget(self, group: str, plural: str) -> None:
        self._known = [row for row in self._known if (row.group, row.plural) != (group, plural)]

    def at(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource of a path."""
        wanted = (group, version, plural)
        return next((row for row in self._known if (row.group, row.version, row.plural) == wanted), None)

    def of_kind(self, kind: str, api_version: str = "") -> Resource:
        """By the kind's name. Raises KeyError."""
        found = [row for row in self._known if row.kind == kind and api_version in {"", row.api_version}]
        if not found:
            raise KeyError(f"no kind {kind} {api_version}".strip())
        return found[0]


def _columns(version: dict[str, Any]) -> Columns:
    listed = version.get("additionalPrinterColumns", [])
    return tuple((row["name"], row["type"], row["jsonPath"]) for row in listed if not row.get("priority"))
