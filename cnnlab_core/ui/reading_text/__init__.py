"""The page Reading text: one module for each tab."""
