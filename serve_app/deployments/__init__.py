"""The stages as Ray Serve runs them: each replica builds what its stage needs, warms it up, measures it.

The stages themselves know nothing of Ray, and nothing of the graph stands here: that is ``serve_app.app``.
A replica whose warm-up fails does not become ready. One module each, so that a replica imports what it runs only:
that is half of the time and memory of its start.
"""
