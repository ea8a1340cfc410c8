"""BCL (Zhu et al. 2022): balanced contrastive learning."""
