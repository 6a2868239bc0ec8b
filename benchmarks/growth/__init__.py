"""The growth benchmark: more replicas, more recorded classifications, more images per request; cluster sizing."""
