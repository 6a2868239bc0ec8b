"""One file a change. A new one: write it by hand, the tests compare the outcome with the tables of the code."""
