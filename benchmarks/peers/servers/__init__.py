"""The peers, configured as their documentation recommends. Each runs in its own environment."""
