"""The program `databuddy-source`, also as `python -m databuddy_source`."""

from __future__ import annotations

import sys

from databuddy_source.cli.stopping import ends_at_ctrl_c


def main() -> None:
    """Run the command that `sys.argv` names, and end the process."""
    with ends_at_ctrl_c():
        from databuddy_source.cli.program import Exit, ends_when_stopped, stand_in_for_closed

        stand_in_for_closed()

        try:
            from databuddy_source.cli.app import app
        except ModuleNotFoundError as error:
            if error.name != "typer":
                raise
            sys.stderr.write(
                "The command line needs the extra cli: pip install 'databuddy-source[cli,duckdb]'\n"
            )
            sys.exit(Exit.WRONG_USAGE)
    with ends_when_stopped():
        app()


if __name__ == "__main__":
    main()
