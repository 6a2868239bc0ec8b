"""Measures the service beside the limit of the machine it runs on. Start with ``python -m benchmarks.run --help``."""
