"""Which images stand for their class: GLISTER and its controls."""
