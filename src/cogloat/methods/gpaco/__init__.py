"""GPaCo (Cui et al. 2023): PaCo without a momentum twin; both views learn."""
