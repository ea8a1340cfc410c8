"""OLTR (Liu et al. 2019): a classifier with attention and a memory of the classes."""
