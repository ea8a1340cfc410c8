"""PaCo (Cui et al. 2021; "PCL" in the paper): parametric contrastive learning."""
