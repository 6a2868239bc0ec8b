"""What a release wants to be there: Secrets, storage, classes."""

from collections.abc import Iterator
from typing import Final

from kuberay import paths
from kuberay.doctor.finding import Finding, failed, ok, warning
from kuberay.doctor.needs import Claim
from kuberay.doctor.patient import Patient
from kuberay.errors import NotFound
from kuberay.kubernetes_api import Manifest

DEFAULT_CLASS: Final = "storageclass.kubernetes.io/is-default-class"
SHARED: Final = ("efs.csi.aws.com", "nfs", "cephfs", "file.csi.azure.com", "filestore", "fsx", "juicefs", "longhorn")
"""Parts of the names of provisioners whose volumes many nodes may write."""

SINGLE: Final = ("ebs", "gce-pd", "pd.csi", "disk.csi", "local-path", "hostpath", "no-provisioner", "rbd")
"""Of those whose volumes one node may write."""

_RWX: Final = "Name a class of ReadWriteMany volumes (EFS, NFS, CephFS) in spool.storageClassName."


def secrets(patient: Patient) -> Iterator[Finding]:
    """Names alone: what they hold is not looked at, and not kept."""
    needs = patient.needs
    for name in sorted({key.secret for key in needs.secret_keys} | set(needs.secrets)):
        wanted = {key.key for key in needs.secret_keys if key.secret == name}
        try:
            there = set(patient.api.get(paths.core("secrets", patient.namespace, name)).get("data") or {})
        except NotFound:
            advice = f"Make it: kubectl --namespace {patient.namespace} create secret generic {name} --from-env-file=…"
            yield failed("Secret", f"{name} is not there", advice)
            continue
        if missing := sorted(wanted - there):
            yield failed("Secret", f"{name} lacks {', '.join(missing)}", "Each is a setting of docs/settings.md.")
        else:
            yield ok("Secret", f"{name} has {', '.join(sorted(wanted)) or 'what is wanted'}")


def storage(patient: Patient) -> Iterator[Finding]:
    """The spool's volume is shared by all workers."""
    for claim in patient.needs.claims:
        try:
            bound = patient.api.get(paths.core("persistentvolumeclaims", patient.namespace, claim.name))
        except NotFound:
            yield _class_of(patient, claim)
            continue
        phase = (bound.get("status") or {}).get("phase")
        if phase == "Bound":
            yield ok("Storage", f"claim {claim.name} is bound")
        else:
            found = _class_of(patient, claim)
            yield Finding(found.name, found.state, f"claim {claim.name} is {phase}; {found.detail}", found.advice)


def _class_of(patient: Patient, claim: Claim) -> Finding:
    classes = patient.api.items(paths.path_of("storage.k8s.io/v1", "storageclasses"))
    found = next((one for one in classes if _fits(one, claim)), None)
    if found is None:
        named = f"StorageClass {claim.storage_class}" if claim.storage_class else "a default StorageClass"
        return failed("Storage", f"{named} is not there", _RWX)
    name, provisioner = found["metadata"]["name"], str(found.get("provisioner", ""))
    told = f"StorageClass {name} ({provisioner})"
    if any(part in provisioner for part in SHARED):
        return ok("Storage", told)
    if any(part in provisioner for part in SINGLE):
        return failed("Storage", f"{told} makes volumes for one node", _RWX)
    return warning("Storage", f"{told}: whether it makes ReadWriteMany volumes is not known", _RWX)


def _fits(storage_class: Manifest, claim: Claim) -> bool:
    metadata = storage_class["metadata"]
    if claim.storage_class:
        return bool(metadata["name"] == claim.storage_class)
    return (metadata.get("annotations") or {}).get(DEFAULT_CLASS) == "true"


def classes(patient: Patient) -> Iterator[Finding]:
    """Of the Ingress or the Gateway: without a controller nobody would serve it."""
    wanted = (
        ("IngressClass", "networking.k8s.io/v1", "ingressclasses", patient.needs.ingress_class),
        ("GatewayClass", "gateway.networking.k8s.io/v1", "gatewayclasses", patient.needs.gateway_class),
    )
    for kind, api_version, plural, name in wanted:
        if not name:
            continue
        try:
            patient.api.get(paths.path_of(api_version, plural, name=name))
        except NotFound:
            advice = "Install its controller (AWS Load Balancer Controller, Envoy), or choose another ingress.mode."
            yield failed(kind, f"{name} is not there", advice)
        else:
            yield ok(kind, name)
