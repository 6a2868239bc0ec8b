"""The deploy client for Raylens on Kubernetes with KubeRay: Helm writes the objects, this package waits and reports."""
