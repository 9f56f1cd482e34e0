"""Databuddy in Airflow 3: a DAG. Copy or link this file into the dags folder."""

from databuddy_source.orchestrators.airflow import databuddy

dag = databuddy()
