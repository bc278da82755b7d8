"""The tabs of the page on training."""
