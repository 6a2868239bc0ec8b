"""The other systems, each set up as its own documentation recommends. Each runs in an environment of its own."""
