"""What ways of decoding and resizing a photo cost, and what they change about its classification."""
