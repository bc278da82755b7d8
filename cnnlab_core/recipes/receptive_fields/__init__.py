"""The Python behind each tab of the receptive fields page: a few lines that give its numbers in a notebook."""
