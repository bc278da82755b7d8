"""What everything runs on: the device, the gate that shares it, jobs in steps, downloads, files and tables."""
