"""What a request asks for beside its object: query parameters, and who asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.kuberay.apiserver.refusal import bad_request


@dataclass(frozen=True)
class Options:
    """Of a write."""

    manager: str = "unknown"
    """Who is told to own the fields that are set."""
    dry_run: bool = False
    validation: str = "Warn"
    """Of unknown fields: Strict refuses them, Warn tells of them, Ignore drops them without a word."""
    force: bool = False
    propagation: str = ""
    subresource: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str], agent: str, subresource: str = "", body: Any = None) -> "Options":
        """``body``: DeleteOptions, which come as one. Raises Refused."""
        body = body if isinstance(body, dict) and body.get("kind", "DeleteOptions") == "DeleteOptions" else {}
        dry_run = query.get("dryRun") or next(iter(body.get("dryRun") or []), "")
        if dry_run not in {"", "All"}:
            raise bad_request(f'Invalid value: "{dry_run}": dryRun: Unsupported value: supported values: "All"')
        return cls(
            manager=query.get("fieldManager") or agent.partition("/")[0] or "unknown",
            dry_run=dry_run == "All",
            validation=query.get("fieldValidation") or "Warn",
            force=query.get("force") == "true",
            propagation=query.get("propagationPolicy") or body.get("propagationPolicy") or "",
            subresource=subresource,
        )
