"""Alert rules: valid, each fires when it should and not otherwise, and each has a runbook."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kuberay.chart import CHART
from tests.kuberay.programs import ROOT
from tests.servers.prometheus import promtool

RULES = sorted((CHART / "files" / "rules").glob("*.yaml"))
UNIT_TESTS = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
RUNBOOKS = ROOT / "docs" / "runbooks.md"


def rules() -> list[dict[str, Any]]:
    return [rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def test_the_rules_are_valid() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should(path: Path) -> None:
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_firing_and_not_firing() -> None:
    shown: dict[bool, set[str]] = {True: set(), False: set()}
    for path in UNIT_TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test["alert_rule_test"]:
                shown[bool(case["exp_alerts"])].add(case["alertname"])
    assert shown == {True: set(ALERTS), False: set(ALERTS)}


def test_every_alert_has_a_severity_and_a_runbook_address() -> None:
    for name, alert in ALERTS.items():
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
        assert alert["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"


def test_alerts_and_runbooks_match() -> None:
    sections = re.split(r"^## (?=Raylens\w+$)", RUNBOOKS.read_text(), flags=re.MULTILINE)[1:]
    assert [section.partition("\n")[0] for section in sections] == list(ALERTS)
    for section in sections:
        assert re.findall(r"^\*\*(\w+)", section, re.MULTILINE) == ["Impact", "Check", "Fix"], section


def test_the_rules_select_only_raylens() -> None:
    """Another Ray cluster or another Serve application does not trigger these alerts."""
    for rule in rules():
        for selector in re.findall(r"\b((?:ray_(?!raylens_)|haproxy_|up\b)\w*)(\{[^}]*\})?", rule["expr"]):
            assert re.search(r'app="raylens"|application="raylens"|proxy="http-raylens"', selector[1]), rule
