"""The HTTP routes of this package."""
