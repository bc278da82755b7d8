"""The tabs of the receptive fields page."""
