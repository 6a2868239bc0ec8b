"""Users' model files: what they take and return, read from the files without importing Keras."""
