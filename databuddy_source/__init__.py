"""Keeps a data warehouse equal to Databuddy: a dlt source.

import dlt
from databuddy_source import databuddy_source

pipeline = dlt.pipeline("web", destination="duckdb", dataset_name="databuddy")
pipeline.run(databuddy_source())

The public names stand in `__init__.pyi`; each is imported when it is first used.
"""


def __getattr__(name: str) -> object:
    import lazy_loader

    # here, since it reads the stub, for which whoever wants no public name need not wait
    names = lazy_loader.attach_stub(__name__, __file__)
    globals().update(zip(("__getattr__", "__dir__", "__all__"), names, strict=True))
    return globals()[name] if name in globals() else names[0](name)


def __dir__() -> list[str]:
    return __getattr__("__dir__")()
