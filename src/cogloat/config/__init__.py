"""What a valid configuration is, and how a run's effective configuration comes about.

Imports no torch: the graph is built with it on machines that cannot train.
"""
