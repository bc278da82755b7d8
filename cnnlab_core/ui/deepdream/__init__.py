"""The tabs of the DeepDream page."""
