"""One reader a kind of file; each says what is wrong, and where."""
