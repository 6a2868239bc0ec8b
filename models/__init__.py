"""The models Raylens can serve: a table of specs, their weights and labels, and the runtimes that execute them."""
