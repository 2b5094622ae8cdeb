"""The house: imports point down, each library stays where it belongs, a file is data, the wheel holds what it should."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = {
    "hornbook": ROOT / "framework" / "hornbook",
    "hornbook_applications": ROOT / "applications" / "hornbook_applications",
    "hornbook_datasets": ROOT / "datasets" / "hornbook_datasets",
    "hornbook_hub": ROOT / "hub" / "hornbook_hub",
}
# From the ground up. A module may import from its own floor and from those below.
FLOORS = [
    {"tree", "backend"},
    {"core", "config", "legacy"},
    {"ops", "random"},
    {"initializers", "activations", "regularizers", "constraints", "losses", "metrics", "optimizers", "quantizers"},
    {"layers", "lora", "quantization", "mixed_precision"},
    {"callbacks", "training", "models"},
    {
        "utils",
        "preprocessing",
        "visualization",
        "saving",
        "export",
        "distillation",
        "distribution",
        "tuner",
        "automl",
        "wrappers",
    },
    {"hornbook"},  # the page that names everything
    {"hornbook_datasets", "hornbook_applications"},
    {"applications", "datasets"},  # Keras's names for these
    {"hornbook_hub"},
]
# What may import TensorFlow beside backend/tensorflow: edges that are about TensorFlow itself.
TENSORFLOW_EDGES = {"hornbook/distribution", "hornbook/export", "hornbook_datasets/streams"}
UNSAFE_MODULES = {"pickle", "marshal", "dill", "cloudpickle", "joblib", "yaml", "shelve"}
UNSAFE_METHODS = {"torch.load", "np.loads", "builtins.eval", "builtins.exec", "os.system"}
# Where a module's name is put together: from the names of backends and packages of this house, never from a file.
IMPORTERS = {
    "hornbook/__init__.py",
    "hornbook/backend/__init__.py",
    "hornbook_hub/backbone.py",
    "hornbook_hub/families.py",
    "hornbook_hub/tasks/task.py",
}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}


def files():
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            yield package, path


def module_of(package: str, path: Path) -> str:
    """What a file belongs to on the table: a folder or module of hornbook, or one of the other packages."""
    if package != "hornbook":
        return package
    parts = path.relative_to(SOURCES["hornbook"]).with_suffix("").parts
    return "hornbook" if parts == ("__init__",) else parts[0]


def floor(module: str) -> int:
    for level, modules in enumerate(FLOORS):
        if module in modules:
            return level
    raise AssertionError(f"{module!r} stands on no floor: add it to FLOORS.")


def imports(path: Path):
    """(line, dotted name) of every import that runs; those under `if TYPE_CHECKING` do not."""
    tree = ast.parse(path.read_text())
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            skipped.update(id(inner) for inner in ast.walk(node))
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute here"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def test_imports_point_down():
    wrong = []
    for package, path in files():
        here = module_of(package, path)
        for line, name in imports(path):
            parts = name.split(".")
            if parts[0] not in SOURCES:
                continue
            there = parts[0]
            if there == "hornbook" and len(parts) > 1 and any(parts[1] in modules for modules in FLOORS):
                there = parts[1]
            if there != here and floor(there) > floor(here):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {here} imports {name}, which stands above it")
    assert not wrong, "\n".join(wrong)


def test_tensorflow_stays_where_it_belongs():
    wrong = []
    for package, path in files():
        where = f"{package}/{path.relative_to(SOURCES[package]).as_posix()}"
        for line, name in imports(path):
            library = name.split(".")[0]
            if library in ("tensorflow", "jax", "torch"):
                at_home = where.startswith(f"hornbook/backend/{library}/")
                at_edge = library == "tensorflow" and any(where.startswith(edge) for edge in TENSORFLOW_EDGES)
                if not at_home and not at_edge:
                    wrong.append(f"{where}:{line}: {name}")
    assert not wrong, "\n".join(wrong)


def test_keras_is_the_reference_and_never_imported():
    recipes = [("recipes", path) for path in sorted((ROOT / "recipes").glob("*.py"))]
    wrong = [
        f"{path}:{line}: {name}"
        for _, path in [*files(), *recipes]
        for line, name in imports(path)
        if name.split(".")[0] in ("keras", "keras_hub", "transformers", "tf_keras")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_import_loads_no_keras_and_leaves_it_importable():
    """TensorFlow would load it, and with it matplotlib and scikit-learn where they are: a third of the import's time."""
    program = (
        "import sys, hornbook; heavy = {'keras', 'matplotlib', 'sklearn', 'rich', 'PIL'} & set(sys.modules);"
        "assert not heavy, heavy; import keras; assert keras.optimizers.Adam"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_file_is_data_and_never_code():
    wrong = []
    for package, path in files():
        where = f"{package}/{path.relative_to(SOURCES[package]).as_posix()}"
        for line, name in imports(path):
            if name.split(".")[0] in UNSAFE_MODULES:
                wrong.append(f"{path}:{line}: imports {name}")
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id in UNSAFE_CALLS:
                wrong.append(f"{path}:{node.lineno}: calls {node.func.id}()")
            allowed = [k for k in node.keywords if k.arg == "allow_pickle" and getattr(k.value, "value", None)]
            if allowed:
                wrong.append(f"{path}:{node.lineno}: allow_pickle")
            name = ast.unparse(node.func)
            if isinstance(node.func, ast.Attribute) and name in UNSAFE_METHODS:
                wrong.append(f"{path}:{node.lineno}: calls {name}()")
            last = name.rsplit(".", 1)[-1]
            if last in ("extractall", "extract", "unpack_archive") and len(node.args) != 0 and "self" not in name:
                wrong.append(f"{path}:{node.lineno}: {name}() believes the names in an archive")
            if name in ("np.load", "numpy.load") and not any(k.arg == "allow_pickle" for k in node.keywords):
                wrong.append(f"{path}:{node.lineno}: np.load() without allow_pickle=False")
            if last == "import_module" and where not in IMPORTERS and not _is_fixed(node.args[0]):
                wrong.append(f"{path}:{node.lineno}: imports a module whose name is found while running")
            if name == "h5py.File" and "'w'" not in ast.unparse(node):
                wrong.append(f"{path}:{node.lineno}: h5py reads; hornbook.saving.hdf5 does, and trusts nothing")
    assert not wrong, "\n".join(wrong)


def _is_fixed(name: ast.AST) -> bool:
    """Whether a module's name stands in the code."""
    return isinstance(name, ast.Constant)


def test_no_package_lies_directly_in_a_top_level_folder():
    assert not [path for path in ROOT.glob("*/__init__.py") if ".venv" not in path.parts]


def test_data_sets_need_numpy_alone():
    code = "import sys, hornbook_datasets; print([m for m in ('tensorflow', 'hornbook', 'pooch') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "datasets", check=True
    )
    assert done.stdout.strip() == "[]"


def test_nothing_imports_recipes():
    names = {path.stem for path in (ROOT / "recipes").glob("*.py")}
    wrong = [f"{path}: {name}" for _, path in files() for _, name in imports(path) if name.split(".")[0] in names]
    assert not wrong


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    builder = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    return zipfile.ZipFile(
        next(iter(builder.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))
    )


def test_the_wheel_holds_the_four_packages_and_nothing_else(wheel):
    names = wheel.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(SOURCES)
    for package, folder in SOURCES.items():
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"{package}/{path.relative_to(folder).as_posix()}" in names
    assert not [name for name in names if "test" in name.lower() or name.startswith("recipes")]


def test_the_wheel_holds_the_tiny_preset_and_the_tiny_data_set(wheel):
    sizes = {info.filename: info.file_size for info in wheel.infolist()}
    preset = {name: size for name, size in sizes.items() if name.startswith("hornbook_hub/presets/bert_tiny/")}
    assert {name.rsplit("/", 1)[1] for name in preset} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "README.md",
    }
    assert sum(preset.values()) <= 3 * 1024**2
    assert "hornbook_datasets/tiny_reviews.tsv" in sizes
