"""Keys of cache entries. They contain only digests: no URLs, file names or personal data."""

import hashlib


def content_key(
    sha256: str, model: str, model_version: str, *, runtime: str, precision: str, preprocessing_version: str
) -> str:
    """The key of an image's result. It covers everything that can change the probabilities."""
    parts = (sha256, model, model_version, runtime, precision, preprocessing_version)
    # Length prefixes keep ("ab", "c") and ("a", "bc") apart.
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return "result:" + hashlib.sha256(joined.encode()).hexdigest()


def url_key(url: str) -> str:
    """The key of the digest of a URL's content."""
    return "url:" + hashlib.sha256(url.encode(errors="surrogatepass")).hexdigest()
