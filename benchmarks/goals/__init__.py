"""The goals of the project's performance, and whether the benchmarks' results meet them."""
