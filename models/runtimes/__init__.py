"""Runtimes, which execute models: OpenVINO, TensorFlow, and a fake one for tests."""
