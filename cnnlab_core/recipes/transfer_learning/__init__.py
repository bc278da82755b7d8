"""The Python behind the transfer-learning page, one module per tab."""
