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


def url_key(url: str, user_id: int | None = None) -> str:
    """The key of the digest of a URL's content, as fetched for a user, or for anonymous clients."""
    owned = url if user_id is None else f"{user_id} {url}"
    return "url:" + hashlib.sha256(owned.encode(errors="surrogatepass")).hexdigest()
