"""Thin files for those who schedule them: the command line, Dagster, Airflow."""
