"""Rows to Arrow."""
