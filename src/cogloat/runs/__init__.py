"""Which runs exist, and with what: methods, effective configurations, collections, their cost."""
