"""The preprocessing benchmark: speed and accuracy of ways to decode and resize photos."""
