"""Classifiers by a loss on their scores: CE, Focal, LDAM, Balanced Softmax, their re-weightings."""
