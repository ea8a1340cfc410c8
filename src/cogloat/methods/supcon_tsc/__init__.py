"""TSC within the batch, the framework of its CIFAR results (Li et al. 2022)."""
