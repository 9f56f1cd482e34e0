"""Asks MetricFlow many questions as one program, in the project of the current folder: reads them
as JSON, and prints the answers as JSON. To start it takes longer than all that is asked."""

from __future__ import annotations

import json
import sys

from dbt_metricflow.cli.cli_configuration import CLIConfiguration
from metricflow.engine.metricflow_engine import MetricFlowQueryRequest

if __name__ == "__main__":
    metricflow = CLIConfiguration()
    metricflow.setup(configure_file_logging=False)
    answers = []
    for metrics, by in json.load(sys.stdin):
        request = MetricFlowQueryRequest.create(metric_names=metrics, group_by_names=by)
        table = metricflow.mf.query(request).result_df
        answers.append([list(map(str, table.column_names)), *map(list, table.rows)])
    print("\n" + json.dumps(answers, default=str))
