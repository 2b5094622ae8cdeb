"""Trials on several machines: one process, the chief, has the oracle; the others ask it by keras-tuner's gRPC service."""

import importlib
import os
from typing import Any


def role() -> str | None:
    """ "chief", "worker", or None for a search that is alone, as the environment says.

    Raises:
        RuntimeError: where `KERASTUNER_ORACLE_IP` is set and its companions are not.
    """
    if "KERASTUNER_ORACLE_IP" not in os.environ:
        return None
    missing = [name for name in ("KERASTUNER_ORACLE_PORT", "KERASTUNER_TUNER_ID") if name not in os.environ]
    if missing:
        raise RuntimeError(f"KERASTUNER_ORACLE_IP is set, so {' and '.join(missing)} must be set too.")
    return "chief" if "chief" in os.environ["KERASTUNER_TUNER_ID"] else "worker"


def serve(oracle: Any) -> None:
    """Answer the workers until the search is over."""
    importlib.import_module("keras_tuner.src.distribute.oracle_chief").start_server(oracle)


def client(oracle: Any) -> Any:
    """What a worker has in the oracle's place: it passes the questions on."""
    return importlib.import_module("keras_tuner.src.distribute.oracle_client").OracleClient(oracle)
