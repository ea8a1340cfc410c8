"""What plot_*.py draw: a module a figure, in one style."""
