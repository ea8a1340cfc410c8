"""M2m (Kim et al. 2020): images of rare classes made from frequent ones."""
