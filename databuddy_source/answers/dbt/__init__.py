"""The dbt project of a warehouse: models of what is loaded, with what its columns mean."""
