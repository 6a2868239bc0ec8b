"""Images by their URL, fetched without becoming a way into the network behind us."""

from serve_app.fetch.fetcher import Fetcher
from serve_app.fetch.urls import host_of

__all__ = ["Fetcher", "host_of"]
