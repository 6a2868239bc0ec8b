"""Names of cache entries. They hold digests alone: no URL, no file path, nothing that names a person."""

import hashlib


def content_key(sha256: str, model: str, model_version: str, precision: str, preprocessing_version: str) -> str:
    """The name of one image's result: everything that can change the probabilities is in it."""
    parts = (sha256, model, model_version, precision, preprocessing_version)
    # Lengths in front: ("ab", "c") and ("a", "bc") are two names.
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return "result:" + hashlib.sha256(joined.encode()).hexdigest()


def url_key(url: str) -> str:
    """The name under which the content behind ``url`` is remembered."""
    return "url:" + hashlib.sha256(url.encode(errors="surrogatepass")).hexdigest()
