"""Benchmarks: throughput of the service relative to the hardware limit, and comparisons. See docs/benchmarks.md."""
