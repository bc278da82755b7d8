"""The Python that the training page hands out, a file for each tab."""
