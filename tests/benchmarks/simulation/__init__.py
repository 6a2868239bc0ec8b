"""The simulation, compared with theory, Ray and measurements."""
