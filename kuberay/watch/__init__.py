"""Grafana's dashboards: described in ``dashboards/``, written for the chart by ``python -m kuberay.watch``."""
