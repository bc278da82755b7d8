"""The tabs of the feature maps page."""
