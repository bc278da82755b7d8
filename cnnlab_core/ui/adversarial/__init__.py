"""The tabs of the adversarial page, one module each."""
