"""Who may do what: everything, but for what a test forbids."""

from dataclasses import dataclass
from typing import Any, Final

from tests.kuberay.apiserver.refusal import Refused, forbidden
from tests.kuberay.apiserver.resources import Resource
from tests.kuberay.apiserver.store import Manifest
from tests.kuberay.apiserver.target import Target

USER: Final = "raylens"


@dataclass(frozen=True)
class Denial:
    """``*`` and None stand for any."""

    verb: str
    plural: str
    namespace: str | None = None

    def covers(self, verb: str, plural: str, namespace: str) -> bool:
        return self.verb in {"*", verb} and self.plural in {"*", plural} and self.namespace in {None, namespace}


class Access:
    """The rights of the only user."""

    def __init__(self) -> None:
        self.denials: list[Denial] = []

    def allows(self, verb: str, plural: str, namespace: str) -> bool:
        return not any(denial.covers(verb, plural, namespace) for denial in self.denials)

    def check(self, verb: str, target: Target) -> None:
        """Raises Refused (403)."""
        resource = target.resource
        plural = "/".join(filter(None, (resource.plural, target.subresource)))
        if not self.allows(verb, plural, target.namespace):
            raise _denied(verb, plural, resource, target)

    def answer(self, resource: Resource, question: Manifest) -> Manifest:
        """A review, with its answer. A question about nothing in particular is allowed."""
        spec = question.get("spec") or {}
        reply = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {}, "spec": spec}
        if resource.kind == "SelfSubjectReview":
            return {**reply, "status": {"userInfo": {"username": USER, "groups": ["system:authenticated"]}}}
        if resource.kind == "SelfSubjectRulesReview":
            return {**reply, "status": self._rules(spec.get("namespace", ""))}
        asked = spec.get("resourceAttributes") or {}
        plural = "/".join(filter(None, (asked.get("resource", ""), asked.get("subresource", ""))))
        allowed = self.allows(asked.get("verb", ""), plural, asked.get("namespace", ""))
        return {
            **reply,
            "status": {"allowed": allowed} if allowed else {"allowed": False, "reason": "denied by a test"},
        }

    def _rules(self, namespace: str) -> dict[str, Any]:
        """Rules can only grant: what is denied of a plural leaves it out of the list."""
        everything = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
        denied = any(denial.namespace in {None, namespace} for denial in self.denials)
        rules = [] if denied else everything
        return {"resourceRules": rules, "nonResourceRules": [], "incomplete": denied}


def _denied(verb: str, plural: str, resource: Resource, target: Target) -> Refused:
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    said = f'User "{USER}" cannot {verb} resource "{plural}" in API group "{resource.group}" {where}'
    return forbidden(resource, target.name, said)
