"""What all tests share."""

import hypothesis

# how long an example takes says more of the machine than of the property
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
