"""``python -m kuberay.watch`` writes the dashboards of the chart anew."""

from kuberay.watch.grafana import written

if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text)
