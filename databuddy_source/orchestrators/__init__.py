"""Dagster and Airflow, by their own idioms."""
