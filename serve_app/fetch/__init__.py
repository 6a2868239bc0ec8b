"""Fetches images by URL, with protection against server-side request forgery (SSRF)."""

from serve_app.fetch.fetcher import Fetcher
from serve_app.fetch.urls import host_of

__all__ = ["Fetcher", "host_of"]
