"""Tables of many runs, beside what the paper prints."""
