"""Doing: loads, their series, what a kill left, gaps."""
