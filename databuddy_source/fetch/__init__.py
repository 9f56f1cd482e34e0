"""Cells in, complete rows out."""
