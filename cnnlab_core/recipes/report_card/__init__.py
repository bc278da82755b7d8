"""The Python behind the report card, one module per tab."""
