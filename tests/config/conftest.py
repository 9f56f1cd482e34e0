"""dlt's project folder for each test, as the tests of the API have it."""

from tests.api.conftest import _project_folder as _project_folder
from tests.api.conftest import key as key
