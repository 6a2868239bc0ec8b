"""Translates Helm's error messages. Helm has no error codes: it exits with 1 for every failure."""

import re
from dataclasses import dataclass
from typing import Final

from kuberay import errors
from kuberay.api_errors import INSTALL_KUBERAY, SIGN_IN_HINT
from kuberay.errors import DeployError, InvalidUsage, KindNotInstalled
from kuberay.kubectl_commands import MIGRATION_LOG

INSTALL_HINTS: Final = {
    "ray.io": INSTALL_KUBERAY,
    "monitoring.coreos.com": "Install the Prometheus operator, or deploy with --set monitoring.enabled=false.",
    "gateway.networking.k8s.io": "Install a Gateway API controller such as Envoy, or choose another ingress.mode.",
    "gateway.envoyproxy.io": "Install Envoy Gateway, or choose another ingress.mode.",
    "getambassador.io": "Install Emissary, or choose another ingress.mode.",
}
"""API group → advice where a cluster lacks it."""

_NOISE: Final = re.compile(r"^(walk\.go:|level=|WARNING:|[IWE][0-9]{4} |Use --debug|$)")
_MISSING_KIND: Final = re.compile(r'no matches for kind "(\w+)" in version "([\w./-]+)"')
_REJECTED_VALUES: Final = re.compile(r"execution error at \([^)]*\): (.*)", re.DOTALL)
_MAX_LENGTH: Final = 600
"""Characters of Helm's message that are shown."""

_VALUES_ADVICE: Final = "kuberay/chart/values.yaml documents every value; `raylens render` checks them."


@dataclass(frozen=True, slots=True)
class HelmErrorPattern:
    """``prefix`` is put before Helm's message."""

    pattern: str
    error: type[DeployError]
    prefix: str
    advice: str


_PATTERNS: Final = (
    HelmErrorPattern(r"unknown flag", errors.HelmUnavailable, "This Helm is too old: ", "Install Helm 3.14 or later."),
    HelmErrorPattern(
        r'context "[^"]*" does not exist',
        InvalidUsage,
        "There is no such context: ",
        "`kubectl config get-contexts` lists them.",
    ),
    HelmErrorPattern(
        r"unreachable: stat ", InvalidUsage, "There is no such kubeconfig: ", "Name another with --kubeconfig."
    ),
    HelmErrorPattern(
        r"another operation .* is in progress",
        errors.ResourceConflict,
        "",
        "If no other deployment runs, its Helm was killed: `raylens rollback` frees the release.",
    ),
    HelmErrorPattern(
        r"hooks? failed|failed (pre|post)-|job \S+ failed|BackoffLimitExceeded|DeadlineExceeded",
        errors.MigrationFailed,
        "The database migration failed: ",
        f"`{MIGRATION_LOG}` shows the reason; RAYLENS_DATABASE_URL is in the Secret of existingSecret.",
    ),
    HelmErrorPattern(
        r'namespaces? "[^"]*" not found',
        errors.ClusterResourceNotFound,
        "",
        "Create it with --create-namespace, or name another with --namespace.",
    ),
    HelmErrorPattern(
        r"release: not found|has no deployed releases",
        errors.ClusterResourceNotFound,
        "There is no such release: ",
        "`helm list --all-namespaces` lists them.",
    ),
    HelmErrorPattern(
        r"has no .* version|no revision for", errors.ClusterResourceNotFound, "", "`helm history` lists the revisions."
    ),
    HelmErrorPattern(
        r"unauthorized|asked for the client to provide cred",
        errors.ClusterUnauthorized,
        "Authentication failed: ",
        SIGN_IN_HINT,
    ),
    HelmErrorPattern(
        r"forbidden|denied the request",
        errors.ClusterAccessDenied,
        "",
        "`raylens doctor` lists the missing permissions.",
    ),
    HelmErrorPattern(
        r"conflict|invalid ownership metadata|object has been modified|already exists",
        errors.ResourceConflict,
        "",
        "Another client created or changed it: `kubectl get --show-managed-fields --output yaml` shows which.",
    ),
    HelmErrorPattern(
        r"cluster unreachable|connection refused|no such host|i/o timeout|TLS handshake|EOF$",
        errors.ClusterUnreachable,
        "",
        "Check the kubeconfig's server and context, and whether your VPN or proxy is up.",
    ),
    HelmErrorPattern(
        r"timed out waiting|deadline exceeded",
        errors.WaitTimeout,
        "Helm timed out: ",
        "`raylens doctor` looks for the reason; --timeout sets a longer timeout.",
    ),
    HelmErrorPattern(
        r"release name", InvalidUsage, "", "Use lower case letters, digits and hyphens, 47 characters at most."
    ),
    HelmErrorPattern(
        r'failed parsing --set|failed to parse|YAML|parse error|no such file|path "[^"]*" not found',
        InvalidUsage,
        "",
        _VALUES_ADVICE,
    ),
)
"""The first match counts."""


def helm_error(text: str) -> DeployError:
    """The error for what Helm wrote to standard error."""
    lines = [line.strip() for line in text.splitlines() if not _NOISE.match(line.strip())]
    message = re.sub(r"^(Error: )?((UPGRADE|INSTALLATION) FAILED: )?", "", "\n".join(lines))
    if special := _rejected_values(message) or _missing_kind(message):
        return special
    for known in _PATTERNS:
        if re.search(known.pattern, message, re.IGNORECASE):
            return known.error(f"{known.prefix}{_shortened(message)}", known.advice)
    return DeployError(f"Helm failed: {_shortened(message)}", "`raylens doctor` looks for common problems.")


def _rejected_values(message: str) -> DeployError | None:
    if "specifications of the schema" in message:
        faults = [_value_path(line.removeprefix("- ")) for line in message.splitlines() if line.startswith("- ")]
        return InvalidUsage(f"The chart rejects the values: {'; '.join(faults)}.", _VALUES_ADVICE)
    if rejected := _REJECTED_VALUES.search(message):
        return InvalidUsage(f"The chart rejects the values: {_shortened(rejected[1])}.", _VALUES_ADVICE)
    return None


def _value_path(fault: str) -> str:
    """Turns Helm 4's JSON pointers into the paths that --set takes."""
    return re.sub(r"^at '/?([^']*)'", lambda found: found[1].replace("/", ".") or "values", fault)


def _missing_kind(message: str) -> DeployError | None:
    if found := _MISSING_KIND.search(message):
        kind, version = found.groups()
        return KindNotInstalled(f"The cluster lacks the kind {kind} ({version}).", install_hint(version))
    return None


def install_hint(api_version: str) -> str:
    return INSTALL_HINTS.get(api_version.partition("/")[0], f"Install what defines {api_version}.")


def _shortened(message: str) -> str:
    """One line."""
    line = " ".join(message.split())
    return line if len(line) <= _MAX_LENGTH else f"{line[:_MAX_LENGTH]} …"
