"""Compares the speed of two checkouts of Raylens."""
