"""The deployments: what each replica builds, warms up and measures around a stage or the HTTP application.

The stages themselves do not depend on Ray; ``serve_app.app`` binds the deployments to a graph. A replica whose warm-up
fails does not become ready. There is one module per deployment, so that a replica imports only what it runs, which
halves the time and memory of its start.
"""
