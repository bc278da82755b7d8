"""The Python behind the DeepDream page, one module per tab."""
