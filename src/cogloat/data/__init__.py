"""Images: sources, long-tailed splits, the store, batched augmentation, sampling."""
