"""Fetches images by URL, with protection against server-side request forgery (SSRF)."""

from serve_app.fetch.fetcher import Fetcher, Reserve
from serve_app.fetch.urls import host_of

__all__ = ["Fetcher", "Reserve", "host_of"]
