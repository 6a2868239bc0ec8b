"""What Helm's words of failure mean. Helm has no codes: it ends with 1 whatever happened."""

import re
from dataclasses import dataclass
from typing import Final

from kuberay import errors
from kuberay.api_errors import KUBERAY, WHO
from kuberay.errors import DeployError, MissingKind, WrongUse
from kuberay.kubectl_commands import MIGRATION_LOG

DEFINITIONS: Final = {
    "ray.io": KUBERAY,
    "monitoring.coreos.com": "Install the Prometheus operator, or deploy with --set monitoring.enabled=false.",
    "gateway.networking.k8s.io": "Install a Gateway API controller such as Envoy, or choose another ingress.mode.",
    "gateway.envoyproxy.io": "Install Envoy Gateway, or choose another ingress.mode.",
    "getambassador.io": "Install Emissary, or choose another ingress.mode.",
}
"""What to do where a cluster does not know a group of the chart's objects."""

_NOISE: Final = re.compile(r"^(walk\.go:|level=|WARNING:|[IWE]\d{4} |Use --debug|$)")
_KIND: Final = re.compile(r'no matches for kind "(\w+)" in version "([\w./-]+)"')
_REFUSED: Final = re.compile(r"execution error at \([^)]*\): (.*)", re.DOTALL)
_MAXIMUM: Final = 600
"""Letters of Helm's that are shown."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """``message`` goes before what Helm said; the advice after it."""

    pattern: str
    error: type[DeployError]
    message: str
    advice: str


_VALUES: Final = "kuberay/chart/values.yaml has every value with its meaning; `raylens render` tries them."
_MEANINGS: Final = (
    Meaning(r"unknown flag", errors.NoHelm, "This Helm is too old: ", "Install Helm 3.14 or later."),
    Meaning(
        r'context "[^"]*" does not exist',
        WrongUse,
        "There is no such context: ",
        "`kubectl config get-contexts` lists them.",
    ),
    Meaning(r"unreachable: stat ", WrongUse, "There is no such kubeconfig: ", "Name another with --kubeconfig."),
    Meaning(
        r"another operation .* is in progress",
        errors.Conflict,
        "",
        "If nobody deploys right now, a Helm was killed: `raylens rollback` frees the release.",
    ),
    Meaning(
        r"hooks? failed|failed (pre|post)-|job \S+ failed|BackoffLimitExceeded|DeadlineExceeded",
        errors.MigrationFailed,
        "The database could not be migrated: ",
        f"The reason is in `{MIGRATION_LOG}`; RAYLENS_DATABASE_URL is in the Secret of existingSecret.",
    ),
    Meaning(
        r'namespaces? "[^"]*" not found',
        errors.NotFound,
        "",
        "Create it with --create-namespace, or name another with --namespace.",
    ),
    Meaning(
        r"release: not found|has no deployed releases",
        errors.NotFound,
        "There is no such release: ",
        "`helm list --all-namespaces` lists them.",
    ),
    Meaning(r"has no .* version|no revision for", errors.NotFound, "", "`helm history` lists the revisions."),
    Meaning(
        r"unauthorized|asked for the client to provide cred", errors.NotSignedIn, "The cluster does not know you: ", WHO
    ),
    Meaning(r"forbidden|denied the request", errors.NotAllowed, "", "`raylens doctor` lists what you lack."),
    Meaning(
        r"conflict|invalid ownership metadata|object has been modified|already exists",
        errors.Conflict,
        "",
        "Someone else made or changed that object: `kubectl get --show-managed-fields --output yaml` says who.",
    ),
    Meaning(
        r"cluster unreachable|connection refused|no such host|i/o timeout|TLS handshake|EOF$",
        errors.Unreachable,
        "",
        "See the kubeconfig's server and context; behind a VPN or a proxy, whether that is up.",
    ),
    Meaning(
        r"timed out waiting|deadline exceeded",
        errors.TimedOut,
        "Helm was not done in time: ",
        "`raylens doctor` looks for what it waited for; --timeout gives it longer.",
    ),
    Meaning(
        r"release name",
        WrongUse,
        "",
        "Choose a name of lower case letters, digits and hyphens, of 47 characters at most.",
    ),
    Meaning(
        r'failed parsing --set|failed to parse|YAML|parse error|no such file|path "[^"]*" not found',
        WrongUse,
        "",
        _VALUES,
    ),
)
"""The first whose pattern is found."""


def error_of(text: str) -> DeployError:
    """The error of what Helm wrote on standard error."""
    lines = [line.strip() for line in text.splitlines() if not _NOISE.match(line.strip())]
    said = re.sub(r"^(Error: )?((UPGRADE|INSTALLATION) FAILED: )?", "", "\n".join(lines))
    if special := _of_values(said) or _of_kinds(said):
        return special
    for meaning in _MEANINGS:
        if re.search(meaning.pattern, said, re.IGNORECASE):
            return meaning.error(f"{meaning.message}{_short(said)}", meaning.advice)
    return DeployError(f"Helm failed: {_short(said)}", "`raylens doctor` looks for what commonly goes wrong.")


def _of_values(said: str) -> DeployError | None:
    if "specifications of the schema" in said:
        faults = [_path(line.removeprefix("- ")) for line in said.splitlines() if line.startswith("- ")]
        return WrongUse(f"The chart refuses the values: {'; '.join(faults)}.", _VALUES)
    if refused := _REFUSED.search(said):
        return WrongUse(f"The chart refuses the values: {_short(refused[1])}.", _VALUES)
    return None


def _path(fault: str) -> str:
    """Of Helm 4's JSON pointers, the paths that --set takes."""
    return re.sub(r"^at '/?([^']*)'", lambda found: found[1].replace("/", ".") or "values", fault)


def _of_kinds(said: str) -> DeployError | None:
    if found := _KIND.search(said):
        kind, version = found.groups()
        advice = DEFINITIONS.get(version.partition("/")[0], f"Install what defines {version}.")
        return MissingKind(f"The cluster knows no {kind} ({version}).", advice)
    return None


def _short(said: str) -> str:
    """One line."""
    line = " ".join(said.split())
    return line if len(line) <= _MAXIMUM else f"{line[:_MAXIMUM]} …"
