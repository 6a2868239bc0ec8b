"""The simulation: its parts against theory, Ray and what was measured."""
