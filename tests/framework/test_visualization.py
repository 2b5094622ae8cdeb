"""Drawings: of models, of masks and boxes, of many images."""

import keras as reference
import numpy as np
import pytest

import hornbook as keras
from hornbook import visualization

pydot = pytest.importorskip("pydot")
matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


# ---------------------------------------------------------------------------------------------------------- models
def with_an_inner_model(module):
    layers = module.layers
    inner = module.Sequential([module.Input((4,)), layers.Dense(4, activation="relu"), layers.Dense(4)], name="inner")
    a, b = module.Input((4,), name="a"), module.Input((4,), name="b")
    y = layers.Add(name="add")([inner(a), b])
    return module.Model([a, b], [module.ops.exp(y), y], name="m")


def drawn(graph):
    """(names of the nodes, pairs of names of the edges) of a drawing, those of its frames too."""
    nodes = [n for n in graph.get_nodes() if "label" in n.get_attributes()]
    names = {n.get_name(): n.get_label().split("<b>")[1].split("</b>")[0] for n in nodes}
    edges = [(e.get_source(), e.get_destination()) for e in graph.get_edges()]
    for frame in graph.get_subgraphs():
        inner_names, inner_edges = drawn(frame)
        names.update(inner_names)
        edges += inner_edges
    return names, edges


@pytest.mark.parametrize("options", [{}, {"expand_nested": True, "show_shapes": True}, {"subgraph": True}], ids=str)
def test_a_drawing_has_the_nodes_and_arrows_of_keras(options):
    found = []
    for module in (keras, reference):
        module.utils.clear_session()
        names, edges = drawn(module.utils.model_to_dot(with_an_inner_model(module), **options))
        found.append((sorted(names.values()), sorted((names[str(a)], names[str(b)]) for a, b in edges)))
    assert found[0] == found[1]


def test_what_a_drawing_says(tmp_path):
    model = with_an_inner_model(keras)
    text = keras.utils.model_to_dot(
        model, show_shapes=True, show_dtype=True, show_trainable=True, expand_nested=True, show_layer_activations=True
    ).to_string()
    for words in ("[(None, 4), (None, 4)]", "float32", "Trainable", "Activation: <b>relu</b>", "cluster_", "(Exp)"):
        assert words in text
    assert "<b>Add</b>" in keras.utils.model_to_dot(model, show_layer_names=False).to_string()
    keras.utils.plot_model(model, tmp_path / "model.dot")
    assert (tmp_path / "model.dot").read_text().startswith("digraph")
    with pytest.raises(ValueError, match="not built"):
        keras.utils.model_to_dot(keras.Sequential([keras.layers.Dense(2)]))
    with pytest.raises(ValueError, match="layer_range"):
        keras.utils.model_to_dot(model, layer_range=(1, 2))


def test_source_inputs():
    a, b = keras.Input((2,)), keras.Input((2,))
    y = keras.layers.Dense(3)(keras.layers.Add()([a, b])) + keras.layers.Dense(3)(a)
    assert [id(x) for x in keras.utils.get_source_inputs(y)] == [id(a), id(b)]
    assert keras.utils.get_source_inputs(a) == [a]


# ---------------------------------------------------------------------------------------------------------- images
def images_and_masks():
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    masks = np.zeros((2, 8, 8, 1), "int32")
    masks[:, 2:5, 2:5], masks[:, 6:], masks[0, 0, 0] = 1, 2, -1
    return images, masks


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_classes": 3},
        {"num_classes": 3, "alpha": 0.5, "ignore_index": 0},
        {"color_mapping": {0: (1, 2, 3), 1: (9, 9, 9), 2: (0, 0, 255)}, "num_classes": 3},
        {"num_classes": 3, "blend": False},
        {"num_classes": 3, "data_format": "channels_first"},
    ],
    ids=str,
)
def test_masks_as_keras_draws_them(arguments):
    images, masks = images_and_masks()
    if "data_format" in arguments:
        images, masks = images.transpose(0, 3, 1, 2), masks.transpose(0, 3, 1, 2)
    ours = visualization.draw_segmentation_masks(images, masks, **arguments)
    theirs = np.asarray(reference.visualization.draw_segmentation_masks(images, masks, **arguments))
    assert ours.dtype == "uint8"
    assert np.abs(ours.astype("int32") - theirs.astype("int32")).max() <= 1  # the last bit of a rounding


def test_boxes_are_drawn_around():
    images = np.zeros((2, 20, 20, 3))
    boxes = {"boxes": np.array([[[2, 4, 12, 14]], [[0, 0, 5, 5]]]), "labels": np.array([[1], [-1]])}
    first, second = visualization.draw_bounding_boxes(images, boxes, "xyxy", color=(0, 200, 0), line_thickness=1)
    assert first[4, 2].tolist() == first[14, 12].tolist() == first[4, 7].tolist() == [0, 200, 0]
    assert not first[9, 7].any() and not second.any()
    again = {**boxes, "boxes": np.array([[[0.1, 0.2, 0.5, 0.5]], [[0, 0, 1, 1]]])}
    same = visualization.draw_bounding_boxes(images, again, "rel_xywh", color=(0, 200, 0), line_thickness=1)
    np.testing.assert_array_equal(same[0], first)
    named = {**boxes, "confidence": np.array([[0.5], [0.5]])}
    with_text = visualization.draw_bounding_boxes(np.zeros((2, 60, 60, 3)), named, "xyxy", class_mapping={1: "cat"})
    assert with_text[0, :, 16:].any()
    first_axis = visualization.draw_bounding_boxes(
        np.zeros((2, 3, 20, 20)), boxes, "xyxy", data_format="channels_first"
    )
    assert first_axis.shape == (2, 20, 20, 3)  # as pictures are shown, whatever came in
    with pytest.raises(ValueError, match="labels"):
        visualization.draw_bounding_boxes(images, {"boxes": boxes["boxes"]}, "xyxy")


@pytest.fixture
def figures(monkeypatch):
    """The figures that were shown, as (shape of the gallery, titles)."""
    shown = []

    def show():
        figure = pyplot.gcf()
        shape = figure.axes[0].get_subplotspec().get_gridspec().get_geometry()
        shown.append((shape, [ax.get_title() for ax in figure.axes if ax.images], figure.legends))

    monkeypatch.setattr(pyplot, "show", show)
    return shown


def test_galleries(figures, tmp_path):
    images, masks = images_and_masks()
    labels = np.array([0, 1])
    visualization.plot_image_gallery(images)
    visualization.plot_image_gallery(images, y_true=labels, y_pred=labels, label_map={0: "cat"}, cols=2)
    visualization.plot_image_gallery(np.zeros((5, 4, 4, 1)), value_range=(-1, 1))
    visualization.plot_segmentation_mask_gallery(images, 3, y_true=masks, y_pred=masks)
    boxes = {"boxes": np.array([[[1, 1, 6, 6]]] * 2), "labels": np.array([[1], [0]])}
    visualization.plot_bounding_box_gallery(images, "xyxy", y_true=boxes, y_pred=boxes, legend=True)
    shapes = [shape for shape, *_ in figures]
    assert shapes == [(2, 1), (1, 2), (3, 2), (2, 3), (2, 1)]
    assert figures[1][1] == ["Label: cat  Pred: cat", "Label: 1  Pred: 1"] and len(figures[2][1]) == 5
    assert [text.get_text() for text in figures[4][2][0].get_texts()] == ["Ground Truth", "Predictions"]
    visualization.plot_image_gallery(images, path=tmp_path / "gallery.png")
    assert (tmp_path / "gallery.png").stat().st_size > 100 and not pyplot.get_fignums()
    for wrong in ({"y_true": labels}, {"show": False}, {"show": True, "path": "x.png"}):
        with pytest.raises(ValueError):
            visualization.plot_image_gallery(images, **wrong)
    with pytest.raises(ValueError, match="batch"):
        visualization.plot_image_gallery(images[0])
