"""What the whole world types: which characters show, which names look alike, and what the words of a text are."""
