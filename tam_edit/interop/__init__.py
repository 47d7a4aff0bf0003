"""Effects served to other programs."""
