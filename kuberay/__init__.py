"""The deploy client: Raylens on Kubernetes through KubeRay. Helm writes, this waits, looks and explains."""
