"""TSC (Li et al. 2022): KCL, then KCL that also pulls each class to a target of its own."""
