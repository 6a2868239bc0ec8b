"""Runtimes execute a model. All of them take the same pixels and return the same probabilities."""
