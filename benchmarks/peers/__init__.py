"""Compares Raylens with other serving systems. See docs/comparison.md."""
