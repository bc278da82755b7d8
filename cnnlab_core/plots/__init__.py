"""Figures: plain data in, plotly figure out."""
