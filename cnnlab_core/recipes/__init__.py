"""The Python behind what the pages show, one module a page: a few lines that give the same numbers in a notebook."""
