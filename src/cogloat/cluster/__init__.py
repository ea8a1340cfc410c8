"""The cluster: the image that jobs run in, and what to do about what it reports. No torch."""
