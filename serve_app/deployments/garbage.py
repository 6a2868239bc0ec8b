"""Garbage collection in a replica."""

import gc


def exclude_existing_objects() -> None:
    """Exclude the objects that exist from all later collections; each deployment does so once it has started.

    A full collection goes through all objects while every thread waits: a tenth of a second with the imported modules.
    """
    gc.collect()
    gc.freeze()
