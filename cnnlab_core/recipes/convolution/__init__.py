"""The Python of the convolution page: a file for each tab."""
