"""Global contrastive learning for long-tailed classification: the library behind the workflow."""
