"""``spec.suspend`` of a RayService: clusters and services go, and come back as new ones."""

from collections.abc import Sequence

from tests.kuberay.apiserver.conditions import set_condition
from tests.kuberay.apiserver.ray_clusters import remove
from tests.kuberay.apiserver.store import Manifest, Store


def suspend(store: Store, service: Manifest, clusters: Sequence[Manifest]) -> None:
    """Take everything down, or write that it begins anew, after that was done."""
    status = service["status"]
    if not service["spec"].get("suspend"):
        for kind in ("Suspended", "Suspending"):
            set_condition(status, kind, False, "Resumed")
        set_condition(status, "Ready", False, "Initializing", "RayService is initializing")
        set_condition(status, "UpgradeInProgress", False, "Initializing", "RayService is initializing")
        return
    for cluster in clusters:
        if "deletionTimestamp" not in cluster["metadata"]:
            remove(store, cluster)
    for name in ("head-svc", "serve-svc"):
        where = (service["metadata"]["namespace"], f"{service['metadata']['name']}-{name}")
        store.remove(store.resources.of_kind("Service"), *where)
    reason = "SuspendInProgress" if clusters else "SuspendComplete"
    set_condition(status, "Suspending", bool(clusters), reason)
    set_condition(status, "Suspended", not clusters, reason)
    for kind in ("Ready", "UpgradeInProgress", "RollbackInProgress"):
        set_condition(status, kind, False, reason)
    for name in ("activeServiceStatus", "pendingServiceStatus", "serviceStatus"):
        status.pop(name, None)
    status |= {"observedGeneration": service["metadata"]["generation"], "numServeEndpoints": 0}
    store.put(service)
