"""Where images come from: each source ends in two parts, train and test. This file imports nothing.

What plans the graph asks `inventory` for the files of a source, where there is no torch.
"""
