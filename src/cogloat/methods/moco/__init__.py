"""Contrast in a momentum pair (MoCo v2): KCL, CoGloAT and what lies between them."""
