"""The tabs of the convolution page, each a module with a function ``show()``, and what they are made of."""
