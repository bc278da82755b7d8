"""The Python behind each tab of the feature maps page: a few lines that give its numbers in a notebook."""
