"""What all tests share: a quiet TensorFlow with two logical CPU devices, fresh names and seeds, the data folder."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # of the reference
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from tests.hub import exactness  # noqa: E402

_stderr = os.dup(2)
with open(os.devnull, "w") as nowhere:  # TensorFlow's first import writes lines that no setting of it silences
    os.dup2(nowhere.fileno(), 2)
    import tensorflow as tf  # noqa: E402
os.dup2(_stderr, 2)
os.close(_stderr)

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


def pytest_sessionstart(session):
    if not hasattr(session.config, "workerinput"):  # the one process, or the one that has workers
        exactness.begin()


def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        exactness.finish()


@pytest.fixture(autouse=True)
def fresh_names_and_seeds():
    """Each test starts with names that count from zero and with the same seeds."""
    import hornbook

    hornbook.utils.clear_session(free_memory=False)
    hornbook.config.set_dtype_policy("float32")
    hornbook.config.disable_traceback_filtering()
    np.random.seed(0)
    hornbook.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def hornbook_data() -> Path:
    """The folder of data sets in their original files; tests that need it are skipped where there is none."""
    folder = os.environ.get("HORNBOOK_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("HORNBOOK_DATA names no folder with data sets")
    return Path(folder)
