"""What the paper says, held against tables of numbers. Imports no torch."""
