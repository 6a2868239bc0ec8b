"""Traces: endpoint, sampling and network policy."""

from typing import Any

import pytest

from serve_app.settings import Settings
from tests.kuberay.chart import DEV, EKS, Helm, RenderError, environment, one, pods

ON = {"tracing__enabled": True, "tracing__endpoint": "http://collector.observability:4318"}


def egress(helm: Helm, **values: Any) -> list[dict[str, Any]]:
    """The rules that tracing adds to the network policy."""
    before, after = (
        one(helm.template(given), "NetworkPolicy", "raylens")["spec"]["egress"] for given in (EKS, EKS.having(**values))
    )
    return [rule for rule in after if rule not in before]


def test_endpoint_and_sampling(helm: Helm, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("head", "workers"):
        variables = environment(pods(helm.template(EKS.having(**ON, tracing__sampleRatio=0.25)))[part])
        assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector.observability:4318"
        assert variables["OTEL_TRACES_SAMPLER"] == "parentbased_traceidratio"
        assert float(str(variables["OTEL_TRACES_SAMPLER_ARG"])) == 0.25
        assert variables["OTEL_SERVICE_NAME"] == "raylens"
    monkeypatch.setenv("RAYLENS_TRACING", str(variables["RAYLENS_TRACING"]))
    assert Settings(_env_file=None).tracing is True


def test_off(helm: Helm) -> None:
    variables = environment(pods(helm.template(DEV))["workers"])
    assert not [name for name in variables if name.startswith("OTEL_") or name == "RAYLENS_TRACING"]


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [
        ("http://collector.observability:4318", 4318),
        ("http://collector.observability:4318/otlp", 4318),
        ("https://traces.example.org", 443),
        ("http://collector", 80),
    ],
)
def test_egress_to_the_collector(helm: Helm, endpoint: str, port: int) -> None:
    (rule,) = egress(helm, **ON | {"tracing__endpoint": endpoint, "tracing__namespace": "observability"})
    assert rule == {
        "ports": [{"port": port, "protocol": "TCP"}],
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}}}],
    }


def test_egress_to_an_external_collector(helm: Helm) -> None:
    assert egress(helm, **ON) == [{"ports": [{"port": 4318, "protocol": "TCP"}]}]


def test_the_endpoint_is_required(helm: Helm) -> None:
    with pytest.raises(RenderError, match=r"tracing\.endpoint: required"):
        helm.template(EKS.having(tracing__enabled=True))


@pytest.mark.parametrize(("log_format", "value"), [("json", "1"), ("text", None)])
def test_rays_logs_have_the_same_format(helm: Helm, log_format: str, value: str | None) -> None:
    variables = environment(pods(helm.template(EKS.having(settings__log_format=log_format)))["workers"])
    assert variables.get("RAY_BACKEND_LOG_JSON") == value
