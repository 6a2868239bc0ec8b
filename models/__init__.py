"""The model zoo: specs, weights, labels, and the runtimes that execute the models."""
