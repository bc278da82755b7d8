"""The transfer-learning page's tabs, one module each."""
