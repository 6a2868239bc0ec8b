"""The paths to which clients send images."""

from typing import Final

IMAGE_PATHS: Final = frozenset({"/api/v1/classifications", "/api/classify-image", "/classify-image"})
"""Requests to other paths have small bodies, see ``request_bodies``, and are answered while the queue is full."""
