"""The tabs of the convolution page, one module each, with a function ``show()``."""
