"""What looks on while a model is trained: stop early, keep the best weights, write logs."""

from hornbook.callbacks.averaging import SwapEMAWeights
from hornbook.callbacks.backup import BackupAndRestore
from hornbook.callbacks.base import Callback, CallbackList, History
from hornbook.callbacks.checkpoint import ModelCheckpoint
from hornbook.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from hornbook.callbacks.logging import CSVLogger, LambdaCallback, RemoteMonitor
from hornbook.callbacks.orbax import OrbaxCheckpoint
from hornbook.callbacks.progress import ProgbarLogger
from hornbook.callbacks.stopping import EarlyStopping, TerminateOnNaN
from hornbook.callbacks.tensorboard import TensorBoard
from hornbook.callbacks.tracking import MLflowCallback, WandbCallback

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "MLflowCallback",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "WandbCallback",
]
