"""The cost of growth: more replicas, more classifications recorded, more images a request; and a cluster's size."""
