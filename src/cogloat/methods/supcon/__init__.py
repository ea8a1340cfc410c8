"""Contrast within the batch (SimCLR, SupCon): one encoder, both views of each image are anchors."""
