"""Images by their URL, fetched without becoming a way into the network behind us."""

from serve_app.fetch.fetcher import Fetcher

__all__ = ["Fetcher"]
