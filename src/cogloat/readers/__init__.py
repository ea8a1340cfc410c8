"""One reader a kind of file: text, documents, tables, arrays; each says what is wrong, and where."""
