"""Raylens beside other serving systems, one at a time. Start with ``python -m benchmarks.peers.run --help``."""
