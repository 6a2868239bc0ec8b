"""The Ray Serve application: graph, ingress routes, stages, cache, statistics, settings, command line."""

from typing import Final

VERSION: Final = "0.1.0"
