"""compile, fit, evaluate, predict.

`train_step` is the whole of training on one batch, in sight; users override it as they do in Keras. `fit` runs it in
*stretches*: many steps in one compiled call, as long as nobody needs to look in between.
"""

import functools
import inspect
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from hornbook import backend, losses, metrics, optimizers, tree
from hornbook import callbacks as callbacks_package
from hornbook.core import finite, global_state
from hornbook.core.finite import is_debug_nans_enabled
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.operation import infer
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.core.scopes import StatelessScope
from hornbook.core.tracebacks import filtered
from hornbook.losses.base import part_of_mean
from hornbook.training.compilation import compiled_part
from hornbook.training.compile import CompiledLoss, CompiledMetrics
from hornbook.training.data import (
    make_source,
    rows_of_lists,
    split_validation,
    unpack_x_y_sample_weight,
)
from hornbook.training.run import Run
from hornbook.training.state_tree import assign_tree, to_tree
from hornbook.training.traces import Trace, described, explain

UPDATE_SECONDS = 0.1  # how often a progress bar moves, and so how long a stretch lasts
FIRST_SECONDS = 0.5  # after a first stretch that took longer, the second one is no longer


class Trainer:
    """The part of a model that learns. `Model` is a layer and a Trainer."""

    optimizer: Any
    loss: Any = None
    call: Callable
    name: str
    distribute_reduction_method = property(lambda self: "auto", doc="How outputs of replicas become one: joined.")

    def _init_trainer(self) -> None:
        self.compiled = False
        self.optimizer = None
        self.loss = None
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.history: Any = None
        self._run_eagerly = False
        self._jit_compile: bool | str = "auto"
        self.steps_per_execution = 1
        self._loss_tracker: Any = None
        self._compile_loss: CompiledLoss | None = None
        self._compile_metrics: CompiledMetrics | None = None
        self._steps: dict[str, backend.Steps] = {}
        self._steps_check_finite = False
        self._traces: list[Trace] = []
        self._times_compiled = 0
        self._compile_arguments: dict[str, Any] | None = None
        self._strategy = backend.current_strategy()
        self._trained_with: Any = None
        self._run: Run | None = None  # the `fit` under way
        self._seen_kinds = set()
        self._remat_scope = None  # of a RematScope around the model its layers take notice, each alone

    def __getstate__(self) -> dict[str, Any]:
        """What `pickle` and `copy.deepcopy` take along: everything but the compiled steps."""
        return {
            **self.__dict__,
            "_steps": {},
            "_traces": [],
            "_strategy": None,
            "_trained_with": None,
            "_run": None,
            "_seen_kinds": set(),
        }

    # ------------------------------------------------------------------------------------------------- compile
    @filtered
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model learns and what is measured.

        Args:
            optimizer: an optimizer or its name.
            loss: a loss, its name or a function (y_true, y_pred); a list or dictionary of them for several outputs.
            loss_weights: the factor of each output's loss in the total.
            metrics, weighted_metrics: metrics, names or functions; the second kind uses sample weights.
            run_eagerly: run each step as plain Python, for debugging.
            steps_per_execution: steps between two looks of callbacks with batch hooks.
            jit_compile: compile with XLA; "auto" where that is known to be faster (on a GPU).
            auto_scale_loss: under the `mixed_float16` policy, scale the loss so that small gradients survive.

        Raises:
            ValueError: for a name that nothing has; the nearest names are offered.
        """
        self._check_scope(optimizer)
        with backend.strategy_scope(self._strategy):
            optimizer = optimizers.get(optimizer)
        policy = getattr(self, "dtype_policy", None)
        if auto_scale_loss and policy is not None and policy.name == "mixed_float16" and optimizer is not None:
            if not isinstance(optimizer, optimizers.LossScaleOptimizer):
                with backend.strategy_scope(self._strategy):
                    optimizer = optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
        if run_eagerly and jit_compile is True:
            raise ValueError("run_eagerly=True and jit_compile=True exclude each other; choose one.")
        if jit_compile is True and self.distribute_strategy.num_replicas_in_sync > 1:
            warnings.warn(
                "jit_compile=True is left out under a strategy of several replicas: they add up their gradients inside of "
                "a step, which XLA does not compile.",
                stacklevel=3,
            )
        if steps_per_execution < 1:
            raise ValueError(f"steps_per_execution must be at least 1, got {steps_per_execution}.")
        names = getattr(self, "output_names", None)
        self.optimizer = optimizer
        self.loss = loss
        self._compile_arguments = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        with backend.strategy_scope(self._strategy):
            self._loss_tracker = _mean("loss")
            self._compile_loss = None if loss is None else CompiledLoss(loss, loss_weights, names)
            has_metrics = metrics is not None or weighted_metrics is not None
            self._compile_metrics = CompiledMetrics(metrics, weighted_metrics, names) if has_metrics else None
        self._run_eagerly, self._jit_compile, self.steps_per_execution = run_eagerly, jit_compile, steps_per_execution
        self.stop_training = False
        self.compiled = True
        self._times_compiled += 1
        self._forget_compiled_steps()

    def _check_scope(self, optimizer: Any) -> None:
        """The model and an optimizer that is there already must have been made in the scope they are to train in."""
        if backend.current_strategy() not in (None, self._strategy):
            raise ValueError(
                f"Model {self.name!r} was made outside of the strategy's scope in which it is compiled, so it would not train "
                "there. Make it inside too: with strategy.scope(): model = ...; model.compile(...)."
            )
        made = getattr(optimizer, "variables", ())
        if self._strategy is not None and not all(backend.is_made_for(self._strategy, variable) for variable in made):
            raise ValueError(
                f"The optimizer of model {self.name!r} was made outside of the strategy's scope, so replicas would each "
                "change it for themselves. Make it inside of `with strategy.scope():`, or name it: compile('adam')."
            )

    def _forget_compiled_steps(self) -> None:
        self._steps = {}
        self._trained_with = None
        self._seen_kinds: set[Any] = set()  # structures, shapes and dtypes of batches that were looked at

    @property
    def run_eagerly(self) -> bool:
        """Whether each step runs as plain Python; it can be set between two runs."""
        return self._run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._run_eagerly = bool(value)
        self._forget_compiled_steps()

    @property
    def jit_compile(self) -> bool:
        """Whether steps are compiled with XLA; it can be set between two runs."""
        return self._jit_compile is True

    @jit_compile.setter
    def jit_compile(self, value: bool | str) -> None:
        self._jit_compile = value
        self._forget_compiled_steps()

    @property
    def distribute_strategy(self) -> Any:
        """The `tf.distribute` strategy that the model was made for; TensorFlow's default one where there was none."""
        return self._strategy or backend.default_strategy()

    @property
    def compiled_metrics(self) -> CompiledMetrics:
        """The metrics of compile(), with `update_state(y, y_pred, sample_weight)`; an older name of `compute_metrics`."""
        return self._compile_metrics or CompiledMetrics(None, None)

    def compiled_loss(self, y: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = None) -> Any:
        """An older name of `compute_loss`, which adds the regularization losses itself."""
        return self.compute_loss(y=y, y_pred=y_pred, sample_weight=sample_weight)

    @property
    def metrics(self) -> list:
        """Every metric: the mean loss, those of compile(), the losses of single outputs, the model's own."""
        found = [self._loss_tracker] if self.compiled else []
        if self._compile_metrics is not None:
            found.append(self._compile_metrics)
        if self._compile_loss is not None:
            found.extend(self._compile_loss.metrics)
        mine = {id(metric): metric for metric in found}
        for layer in self._flatten_layers():  # type: ignore[attr-defined]
            if layer is self or not isinstance(layer, Trainer):  # a model inside keeps its own accounts
                for metric in layer._own_metrics():
                    mine.setdefault(id(metric), metric)
        return list(mine.values())

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    def reset_metrics(self) -> None:
        """Start counting anew in every metric."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """The current results of all metrics, by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            results.update(result if isinstance(result, dict) else {metric.name: result})
        return results

    # ------------------------------------------------------------------------------------------------- one step
    def train_step(self, data: Any) -> dict[str, Any]:
        """Learn from one batch: forward, loss, gradients, update. Gives the logs."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)

        def forward() -> tuple:
            y_pred = self._predicted(x, training=True)
            loss = self._loss_of(x, y, y_pred, sample_weight, training=True)
            return self.optimizer.scale_loss(loss), loss, y_pred

        variables = self.trainable_variables  # type: ignore[attr-defined]
        (_, loss, y_pred), gradients = backend.value_and_grad(forward, variables)
        if is_debug_nans_enabled():
            gradients = self._checked(gradients, loss, variables)
        self._loss_tracker.update_state(backend.all_reduce_sum(loss), sample_weight=_rows(x))
        if variables:
            self.optimizer.apply(gradients, variables)
        else:
            warnings.warn("The model has no trainable weights, so fit() changes nothing.", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """Measure on one batch. Gives the logs."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self._predicted(x, training=False)
        loss = self._loss_of(x, y, y_pred, sample_weight, training=False)
        if is_debug_nans_enabled():
            finite.check_loss(loss)
        self._loss_tracker.update_state(backend.all_reduce_sum(loss), sample_weight=_rows(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data: Any) -> Any:
        """The outputs for one batch."""
        return self._predicted(unpack_x_y_sample_weight(data)[0], training=False)

    def _checked(self, gradients: Any, loss: Any, variables: Any) -> Any:
        """The gradients, for which nothing waits that is not finite; with loss scaling they may overflow themselves, which
        the optimizer sees to."""
        checked = finite.check_loss(loss)
        if not isinstance(self.optimizer, optimizers.LossScaleOptimizer):
            checked += finite.check_gradients(gradients, variables)
        return backend.after(checked, gradients)

    def _predicted(self, x: Any, training: bool) -> Any:
        if self._call_signature.takes_training:  # type: ignore[attr-defined]
            return self(x, training=training)  # type: ignore[operator]
        return self(x)  # type: ignore[operator]

    def _loss_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        arguments: dict[str, Any] = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": sample_weight}
        if "training" in inspect.signature(self.compute_loss).parameters:
            arguments["training"] = training
        return self.compute_loss(**arguments)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The number that training makes smaller: the compiled loss plus `model.losses`.

        On a replica of `tf.distribute` it is the part of its rows: the parts of all replicas add up to the loss of the
        batch, as their gradients do.

        Raises:
            ValueError: where there is neither.
        """
        terms = []
        if self._compile_loss is not None and y is not None:
            terms.append(self._compile_loss(y, y_pred, sample_weight))
        for loss in self.losses:  # type: ignore[attr-defined]
            terms.append(part_of_mean(backend.cast(loss, backend.floatx()), (x, y_pred)))
        if not terms:
            if self._compile_loss is not None:
                raise ValueError("The model was compiled with a loss, but the batch holds no y to compare with.")
            raise ValueError("There is nothing to learn from: compile(loss=...) names no loss and no layer adds one.")
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Count a batch into the compiled metrics; gives all results."""
        if self._compile_metrics is not None and y is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def stateless_compute_loss(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        metrics_variables: Any,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tuple:
        """`compute_loss` as a pure function of the variables' values.

        Returns:
            (loss, (trainable values, non-trainable values, metrics' values)), all after the call.
        """
        groups = (self.trainable_variables, self.non_trainable_variables, self.metrics_variables)  # type: ignore[attr-defined]
        given = (trainable_variables, non_trainable_variables, metrics_variables)
        names = ("trainable_variables", "non_trainable_variables", "metrics_variables")
        mapping: list = []
        for name, variables, values in zip(names, groups, given, strict=True):
            if len(variables) != len(values):
                raise ValueError(f"{name} must hold a value for each of {len(variables)} variables, got {len(values)}.")
            mapping.extend(zip(variables, values, strict=True))
        with StatelessScope(mapping) as scope:
            loss = self._loss_of(x, y, y_pred, sample_weight, training)
        return loss, tuple([scope.get_current_value(v) for v in variables] for variables in groups)

    # ------------------------------------------------------------------------------------------------- state
    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, dict]:
        """All numbers of the model in nested dictionaries along the paths of its variables.

        Args:
            value_format: "backend_tensor" or "numpy_array".

        Returns:
            {"trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables"}.

        Raises:
            ValueError: where two variables have the same path.

        >>> import hornbook as keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="dense")], name="net")
        >>> model.get_state_tree("numpy_array")["trainable_variables"]["net"]["dense"]["bias"]
        array([0., 0., 0.], dtype=float32)
        """
        return {name: to_tree(variables, value_format) for name, variables in self._state_groups().items()}

    def set_state_tree(self, state_tree: dict[str, dict]) -> None:
        """Write the numbers of a tree that `get_state_tree` gave; what it lacks stays as it is.

        Raises:
            ValueError: for a group of another name, or a value of another shape.
        """
        if state_tree.get("optimizer_variables") and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]
        groups = self._state_groups()
        unknown = [name for name in state_tree if name not in groups]
        if unknown:
            raise ValueError(f"A state tree holds {', '.join(groups)}; unknown: {unknown}.")
        for name, values in state_tree.items():
            assign_tree(groups[name], values, name)

    def _state_groups(self) -> dict[str, list]:
        return {
            "trainable_variables": self.trainable_variables,  # type: ignore[attr-defined]
            "non_trainable_variables": self.non_trainable_variables,  # type: ignore[attr-defined]
            "optimizer_variables": self.optimizer.variables if self.optimizer is not None else [],
            "metrics_variables": self.metrics_variables,  # type: ignore[attr-defined]
        }

    # ------------------------------------------------------------------------------------------------- preparation
    def make_train_function(self, force: bool = False) -> backend.Steps:
        """The training step, compiled."""
        return self._make_steps("train", self.train_step, force)

    def make_test_function(self, force: bool = False) -> backend.Steps:
        """The evaluation step, compiled."""
        return self._make_steps("test", self.test_step, force)

    def make_predict_function(self, force: bool = False) -> backend.Steps:
        """The prediction step, compiled."""
        return self._make_steps("predict", self.predict_step, force)

    def _make_steps(self, kind: str, step: Callable, force: bool) -> backend.Steps:
        if self._steps_check_finite != is_debug_nans_enabled():
            self._steps, self._steps_check_finite = {}, is_debug_nans_enabled()
        if force or kind not in self._steps:
            theirs = (f"{kind}_step", "compute_metrics", "get_metrics_result")
            plain = all(getattr(type(self), name) is getattr(Trainer, name) for name in theirs)
            self._steps[kind] = backend.make_steps(
                step,
                results=self.get_metrics_result if plain and kind != "predict" else None,
                reset=self.reset_metrics if kind != "predict" else None,
                collect=kind == "predict",
                jit=self.jit_compile and not is_debug_nans_enabled(),
                eager=self.run_eagerly,
                strategy=self._strategy,
                free_rows=not self._has_fixed_rows(),
                on_trace=functools.partial(self._note_trace, kind),
            )
        return self._steps[kind]

    def _note_trace(self, kind: str, runs: str, data: Any, seconds: float) -> None:
        trained = sum(v.trainable for v in self.weights)  # type: ignore[attr-defined]
        compiled = self._steps[kind].compiled_part or "nothing"
        state = {
            "compile": f"compile() was called for the {self._times_compiled}. time",
            "trainable": f"{trained} of {len(self.weights)} weights are trained",  # type: ignore[attr-defined]
            "XLA": f"XLA compiles {compiled}",
        }
        self._traces.append(Trace(kind, runs, described(data), state, seconds))

    def explain_traces(self) -> str:
        """Which batches made which steps be traced into graphs, how long that took, and why again where it was again.

        A trace takes seconds where the work on a batch takes milliseconds: shapes that change from batch to batch, or
        weights that are frozen between two calls of `fit`, cost one each.

        Returns:
            a text with a line for each trace.

        >>> import numpy as np
        >>> import hornbook as keras
        >>> model = keras.Sequential([keras.Input((None,)), keras.layers.Reshape((-1, 1)), keras.layers.Dense(1)])
        >>> _ = model.predict(np.ones((2, 3)), verbose=0), model.predict(np.ones((2, 4)), verbose=0)
        >>> print(model.explain_traces())  # doctest: +ELLIPSIS
        predict: 2 traces
          1. one batch: x (None, 3) float32 (... s)
          2. one batch: x (None, 4) float32 (... s)
             again, because x has shape (None, 4), not (None, 3)
        """
        return explain(self._traces)

    def _has_fixed_rows(self) -> bool:
        """Whether the model is made for batches of one size: by its inputs, or by a layer that keeps state for each row."""
        layers = self._flatten_layers()  # type: ignore[attr-defined]
        return any(getattr(layer, "stateful", False) for layer in layers) or any(
            x.shape and x.shape[0] is not None for x in getattr(self, "_inputs", ())
        )

    def _require_compiled(self, method: str) -> None:
        if not self.compiled:
            raise ValueError(
                f"Call compile(optimizer=..., loss=...) before {method}(): the model does not know yet how to learn."
            )

    def _prepare(self, batch: Any, training: bool) -> None:
        """Make all weights, metrics and slots before the first step is traced, and meet bad data with a clear word."""
        x, y, sample_weight = unpack_x_y_sample_weight(batch)
        leaves, definition = tree.flatten_with_definition((x, y, sample_weight))
        kind = (definition, *[None if leaf is None else (tuple(leaf.shape[1:]), leaf.dtype) for leaf in leaves])
        with backend.strategy_scope(self._strategy):
            if kind not in self._seen_kinds:
                y_pred = self._outputs_for(x)
                if y is not None and self.compiled:
                    self._check_loss(y, y_pred, sample_weight)
                self._seen_kinds.add(kind)
            if training and self.optimizer is not None and not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]

    def _outputs_for(self, x: Any) -> Any:
        """The model's outputs for a batch, as specs where the model can be traced, as numbers where it cannot."""
        if self.run_eagerly:
            return self._predicted(x, training=False)
        symbols = tree.map_structure(_flexible_symbol, x)
        return infer(lambda inputs: self._predicted(inputs, training=False), (symbols,))

    def _check_loss(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        """Lay loss and metrics over the outputs, and let the loss look at the shapes before a step is traced."""
        if self._compile_loss is not None and self._compile_loss.outputs is None:
            self._compile_loss.build(y, y_pred)
        if self._compile_metrics is not None and self._compile_metrics.outputs is None:
            self._compile_metrics.build(y, y_pred)
        compiled_loss = self._compile_loss
        if compiled_loss is None or self.run_eagerly or type(self).compute_loss is not Trainer.compute_loss:
            return
        symbols = tree.map_structure(_flexible_symbol, (y, y_pred, sample_weight))
        infer(lambda *arguments: compiled_loss(*arguments), symbols)

    # ------------------------------------------------------------------------------------------------- fit
    @filtered
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: dict | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | list = 1,
    ) -> Any:
        """Train for a number of epochs.

        Args:
            x: arrays (NumPy, tensors, nested in lists or dictionaries), a `tf.data.Dataset`, a generator of batches.
            y: the labels, where x does not yield them.
            batch_size: rows in a step; if None, 32, or as many as make `steps_per_epoch` steps a pass over arrays.
            epochs: the epoch to stop before.
            verbose: 0 silent, 1 a progress bar, 2 a line an epoch.
            callbacks: callbacks that look on.
            validation_split: the last fraction of the arrays is kept for validation.
            validation_data: (x, y), (x, y, sample_weight) or a data set to validate on.
            shuffle: draw a new order of the rows each epoch.
            class_weight: the weight of each class in the loss.
            sample_weight: the weight of each example in the loss.
            initial_epoch: the epoch to start from.
            steps_per_epoch, validation_steps: batches in an epoch, where the data do not end by themselves.
            validation_batch_size: `batch_size` if None.
            validation_freq: validate after every that many epochs, or after the epochs in this list.

        Returns:
            the `History` callback: `history.history["loss"]` is a list with a number for each epoch.

        Raises:
            ValueError: for data that do not fit the model, the loss, or each other.
        """
        self._require_compiled("fit")
        if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 0:
            raise ValueError(f"`epochs` must be an integer, 0 or more, got epochs={epochs!r}.")
        limit = backend.config.max_epochs()
        if limit is not None and epochs > limit:
            warnings.warn(f"config.max_epochs() is {limit}: {limit} of {epochs} epochs are run.", stacklevel=2)
            epochs = limit
        x, y, sample_weight = rows_of_lists(x), rows_of_lists(y), rows_of_lists(sample_weight)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split_validation((x, y, sample_weight), validation_split)
        seed = backend.from_chief(_order_seed(), self._strategy)
        source = make_source(x, y, sample_weight, batch_size, steps_per_epoch, shuffle, seed, class_weight)
        validation = None
        if validation_data is not None:
            vx, vy, vw = unpack_x_y_sample_weight(validation_data)
            validation = make_source(
                rows_of_lists(vx), rows_of_lists(vy), vw, validation_batch_size or batch_size, validation_steps
            )
        self._prepare(source.example(), training=True)
        steps = self.make_train_function(force=self._trained_with != self._trainable_state())
        self._trained_with = self._trainable_state()
        steps.compiled_part = compiled_part(self, (source.steps or 0) * (epochs - initial_epoch))

        verbose = 1 if verbose == "auto" else verbose
        if not isinstance(callbacks, callbacks_package.CallbackList):
            callbacks = callbacks_package.CallbackList(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                verbose=verbose,
                epochs=epochs,
                steps=source.steps,
                model=self,
            )
        self.stop_training = False
        self._run = Run(self, steps, initial_epoch, source, validation, callbacks)
        try:
            with self._run.interrupts:
                self._run_epochs(self._run, epochs, validation_freq)
        finally:
            self._run = None
        return self.history

    def _run_epochs(self, run: Run, epochs: int, validation_freq: int | list) -> None:
        """All epochs of a `fit`; callbacks may put a backup of the run back, and so begin in the middle."""
        callbacks = run.callbacks
        callbacks.on_train_begin()
        while run.epoch < epochs and not run.over:
            self.reset_metrics()
            callbacks.on_epoch_begin(run.epoch)
            run.begin_epoch()
            if not run.trained:
                raw = self._run_epoch(run.source, run.steps, callbacks, "train", lambda: self.stop_training)
                run.logs = run.logs if raw is None else self._numbers_of(run.steps, raw)
                run.trained = True
            epoch, logs = run.epoch, dict(run.logs)
            if run.validation is not None and _is_due(epoch, validation_freq):
                found = self._evaluate(run.validation, callbacks)
                logs.update({f"val_{name}": value for name, value in found.items()})
            run.end_epoch(logs)
            callbacks.on_epoch_end(epoch, logs)
            run.over = self.stop_training
        if hasattr(self.optimizer, "finalize_variable_values") and epochs > 0:
            self.optimizer.finalize_variable_values(self.trainable_variables)  # type: ignore[attr-defined]
        callbacks.on_train_end(run.logs)

    def _run_epoch(self, source: Any, steps: backend.Steps, callbacks: Any, kind: str, stop: Callable) -> Any:
        """Run a source to its end in stretches; gives the last logs."""
        hooks = callbacks is not None and getattr(callbacks, f"wants_{kind}_batches")
        begin = getattr(callbacks, f"on_{kind}_batch_begin", None)
        end = getattr(callbacks, f"on_{kind}_batch_end", None)
        done, more, logs = source.done, True, None
        length, rate = self.steps_per_execution, None
        limit = backend.config.max_steps_per_epoch() or math.inf
        while more and done < limit and not stop():
            if hooks:
                begin(done)  # type: ignore[misc]
            started = time.perf_counter()
            longest = callbacks.longest_stretch(kind) if callbacks is not None else None
            ran, more, new = source.run(steps, int(min(length, limit - done, longest or math.inf)))
            if not ran:
                break
            logs, done = new, done + ran
            if self._run is not None:  # in fit
                self._run.interrupts.check()
                if kind == "train":
                    self._run.logs = logs
            if hooks:
                end(done - 1, _numbers(logs))  # type: ignore[misc]
            else:
                seconds = backend.from_chief(time.perf_counter() - started, self._strategy)
                length, rate = _next_length(length, ran, seconds, rate)
            if callbacks is not None and kind != "predict":
                callbacks.on_stretch_end(kind, done, source.steps, logs)
        return logs

    def _numbers_of(self, steps: backend.Steps, logs: Any) -> dict[str, Any]:
        """The numbers that an epoch reports, from what its latest step has logged."""
        return _numbers(self._metrics_or_logs(steps, logs))

    def _metrics_or_logs(self, steps: backend.Steps, logs: Any) -> Any:
        """The metrics' results, where they bear the same names as the last step's logs; else those logs."""
        if not isinstance(logs, dict) or steps.reads_results:
            return logs or {}
        results = self.get_metrics_result()
        return results if set(results) == set(logs) else logs

    def _trace_train_step(self) -> None:
        """Make what only the first step would make: variables of some metrics, of optimizers in a train_step of one's own."""
        assert self._run is not None
        with backend.strategy_scope(self._strategy):
            infer(self._run.steps.on_one, (tree.map_structure(_flexible_symbol, self._run.source.example()),))

    def _trainable_state(self) -> tuple:
        return tuple(v.trainable for v in self.variables)  # type: ignore[attr-defined]

    # ------------------------------------------------------------------------------------------------- evaluate
    @filtered
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The loss and the metrics on data; a list in the order of `metrics`, a number if it is alone.

        Args:
            x, y, sample_weight, batch_size, steps: as in `fit`.
            verbose: 0 silent, 1 a progress bar, 2 a line.
            callbacks: callbacks that look on.
            return_dict: give a dictionary by name.
        """
        if kwargs:
            raise TypeError(f"evaluate() got unexpected arguments: {sorted(kwargs)}.")
        self._require_compiled("evaluate")
        source = make_source(rows_of_lists(x), rows_of_lists(y), sample_weight, batch_size, steps, once=True)
        self._prepare(source.example(), training=False)
        verbose = 1 if verbose == "auto" else verbose
        if not isinstance(callbacks, callbacks_package.CallbackList):
            callbacks = callbacks_package.CallbackList(
                callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=source.steps, model=self
            )
        logs = self._evaluate(source, callbacks)
        return logs if return_dict else self._in_order(logs)

    def _evaluate(self, source: Any, callbacks: Any) -> dict[str, Any]:
        self._prepare(source.example(), training=False)
        steps = self.make_test_function()
        self.stop_evaluating = False
        steps.anew()
        callbacks.on_test_begin()
        source.rewind()
        source.start(0, self._strategy)
        raw = self._run_epoch(source, steps, callbacks, "test", lambda: self.stop_evaluating)
        logs = self._numbers_of(steps, raw)
        callbacks.on_test_end(logs)
        return logs

    def _in_order(self, logs: dict[str, Any]) -> Any:
        names: list[str] = []
        for metric in self.metrics:
            names.extend(metric.plain_names if isinstance(metric, CompiledMetrics) else [metric.name])
        ordered = [name for name in names if name in logs]
        ordered += sorted(name for name in logs if name not in ordered)
        values = [logs[name] for name in ordered]
        return values[0] if len(values) == 1 else values

    # ------------------------------------------------------------------------------------------------- predict
    @filtered
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for data, as NumPy arrays.

        Args:
            x, batch_size, steps: as in `fit`.
            verbose: 0 silent, 1 a progress bar, 2 a line.
            callbacks: callbacks that look on.
        """
        source = make_source(rows_of_lists(x), None, None, batch_size, steps, once=True)
        self._prepare(source.example(), training=False)
        runner = self.make_predict_function()
        verbose = 1 if verbose == "auto" else verbose
        if not isinstance(callbacks, callbacks_package.CallbackList) and (callbacks or verbose):
            callbacks = callbacks_package.CallbackList(
                callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=source.steps, model=self
            )
        self.stop_predicting = False
        if callbacks is not None:
            callbacks.on_predict_begin()
        parts: list[Any] = []
        hooks = callbacks is not None and callbacks.wants_predict_batches
        source.rewind()
        source.start(0)  # whole batches: they are split among replicas, and put together again, in the step
        done, more = 0, True
        alone = getattr(source, "size", None) is not None and source.steps == 1
        limit = backend.config.max_steps_per_epoch() or math.inf
        while more and done < limit and not self.stop_predicting:
            if callbacks is not None and hooks:
                callbacks.on_predict_batch_begin(done)
            if alone:
                ran, more, outputs = 1, False, runner.batch(source.example())
            else:
                ran, more, outputs = source.run(
                    runner, int(min(self.steps_per_execution if hooks else 512, limit - done))
                )
            if not ran and not outputs:
                break
            done += ran
            parts.extend(outputs if isinstance(outputs, list) and not alone and _is_stream(source) else [outputs])
            if callbacks is not None and hooks:
                callbacks.on_predict_batch_end(done - 1, {"outputs": outputs})
            if callbacks is not None:
                callbacks.on_stretch_end("predict", done, source.steps, {})
        if callbacks is not None:
            callbacks.on_predict_end()
        if not parts:
            raise ValueError("There was nothing to predict: the input gave no batch.")
        arrays = [tree.map_structure(backend.convert_to_numpy, part) for part in parts]
        if len(arrays) == 1:
            return arrays[0]
        return tree.map_structure(lambda *leaves: np.concatenate(leaves, axis=0), *arrays)

    # ------------------------------------------------------------------------------------------------- single batches
    @filtered
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on one batch; gives the loss and the metrics of it, counted anew."""
        self._require_compiled("train_on_batch")
        data = self._one_batch(x, y, sample_weight, class_weight)
        self._prepare(data, training=True)
        steps = self.make_train_function()
        steps.anew()
        logs = _numbers(steps.batch(data))
        return logs if return_dict else self._in_order(logs)

    @filtered
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and the metrics on one batch."""
        self._require_compiled("test_on_batch")
        data = self._one_batch(x, y, sample_weight)
        self._prepare(data, training=False)
        steps = self.make_test_function()
        steps.anew()
        logs = _numbers(steps.batch(data))
        return logs if return_dict else self._in_order(logs)

    @filtered
    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        steps = self.make_predict_function()
        outputs = steps.again(x) if type(x) is np.ndarray else None
        if outputs is None:
            data = self._one_batch(x)
            self._prepare(data, training=False)
            outputs = steps.batch(data)
        return tree.map_structure(backend.convert_to_numpy, outputs)

    def _one_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: dict | None = None) -> Any:
        if class_weight is not None and sample_weight is not None:
            raise ValueError("class_weight and sample_weight cannot both be given.")
        source = make_source(
            rows_of_lists(x), rows_of_lists(y), sample_weight, batch_size=2**31 - 1, class_weight=class_weight
        )
        return source.example()

    # ------------------------------------------------------------------------------------------------- configs
    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of compile() as plain data, for files; None for a model that was never compiled."""
        if not self.compiled or self._compile_arguments is None:
            return None
        return {key: serialize_keras_object(_named(value)) for key, value in self._compile_arguments.items()}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """compile() with the arguments that `get_compile_config` gave."""
        if type(self).compile is not Trainer.compile and type(self).get_compile_config is Trainer.get_compile_config:
            warnings.warn(
                "This model has a compile() of its own, so compile() must be called again after loading.", stacklevel=2
            )
            return
        arguments = {key: _deserialized(key, value, deserialize_keras_object) for key, value in config.items()}
        self.compile(**arguments)
        if self.optimizer is not None and getattr(self, "built", False):
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]


# ------------------------------------------------------------------------------------------------------ helpers
def _mean(name: str) -> Any:
    return metrics.Mean(name=name)


def _named(value: Any) -> Any:
    """A built-in loss or metric function by its name, everything else as it is."""

    def one(item: Any) -> Any:
        if inspect.isfunction(item):
            for package in (losses, metrics):
                if package.family.functions.get(item.__name__) is item:
                    return item.__name__
        return item

    return tree.map_structure(one, value)


def _deserialized(key: str, value: Any, deserialize: Callable) -> Any:
    families = {"optimizer": "optimizers", "loss": "losses", "metrics": "metrics", "weighted_metrics": "metrics"}
    if key not in families or isinstance(value, str) or value is None:
        return value
    if isinstance(value, dict) and "class_name" in value:
        return deserialize(value, family=families[key])
    if isinstance(value, dict):
        return {name: _deserialized(key, item, deserialize) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_deserialized(key, item, deserialize) for item in value]
    return value


def _rows(x: Any) -> Any:
    """How many rows a batch has."""
    leaf = next((leaf for leaf in tree.flatten(x) if leaf is not None), None)
    return backend.shape(leaf)[0] if leaf is not None and len(leaf.shape) else 1


def _flexible_symbol(x: Any) -> Any:
    if x is None or isinstance(x, KerasTensor):
        return x
    shape = tuple(x.shape)
    return KerasTensor((None, *shape[1:]) if shape else shape, getattr(x.dtype, "name", x.dtype))


def _numbers(logs: Any) -> dict[str, Any]:
    """Logs with Python floats, sorted by name."""

    def number(value: Any) -> Any:
        array = backend.convert_to_numpy(value)
        return float(array) if array.ndim == 0 else array

    return {key: tree.map_structure(number, logs[key]) for key in sorted(logs)} if logs else {}


def _next_length(length: int, ran: int, seconds: float, rate: float | None) -> tuple[int, float | None]:
    """How many steps the next stretch has, so that it lasts about `UPDATE_SECONDS`.

    The first stretch may hold the tracing, so its time says only what a step takes at most; a long stretch would keep
    Ctrl-C and SIGTERM waiting.
    """
    if rate is None:
        return (max(length, 8) if seconds < FIRST_SECONDS else length), 0.0
    step = seconds / max(ran, 1)
    return int(min(max(1, UPDATE_SECONDS / max(step, 1e-7)), 4 * length)), step


def _is_due(epoch: int, frequency: int | list) -> bool:
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency


def _is_stream(source: Any) -> bool:
    return getattr(source, "size", None) is None


def _order_seed() -> int:
    """The seed of the next fit's orders: a function of `set_random_seed` and of how many fits went before."""
    base = global_state.get_global_attribute("random_seed")
    if base is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    count = global_state.get_global_attribute("fits_so_far", 0) + 1
    global_state.set_global_attribute("fits_so_far", count)
    return int(np.random.SeedSequence([base, count]).generate_state(1)[0])
