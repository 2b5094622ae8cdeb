"""Each pixel of a scene gets a class: ground, disc, square or triangle; three networks learn the same scenes.

What:     U-Net: convolutions and halvings down to a map of 6 x 6 places, and up again, each time beside the finer map of the same
          size. DeepLabV3+: a classifier that stops getting coarser at 6 x 6 places, read at several distances. SegFormer: a
          Transformer of four stages, read all at once. Each gives logits for each pixel; the rim of each shape does not count
          in the loss, as in hand-drawn masks.
Why:      what a pixel belongs to needs both its neighbourhood far around (which shape?) and its exact place (where does it end?).
Data:     drawn here: 48 x 48 scenes of one to four shapes that may hide each other, of any colour, on a noisy ground of any
          colour; 2,000 to learn from and 200 to test on.
Hardware: two CPU cores, about four minutes; `--networks unet` one.
Expect:   the mean over the four classes of intersection over union, on new scenes, at least 0.75, 0.75 and 0.5
          (0.82, 0.84 and 0.66 with seed 0).
Run:      python recipes/segment_shapes.py --out results      # with a picture of scenes, masks and what each network found
"""

from pathlib import Path
from typing import Any

import numpy as np

import command_line

SIDE, IGNORED = 48, 255
CLASSES = ("ground", "disc", "square", "triangle")
DISTANCE = {  # from the middle, 1 at the rim
    "disc": lambda x, y: np.hypot(x, y),
    "square": lambda x, y: np.maximum(abs(x), abs(y)) * 1.15,
    "triangle": lambda x, y: np.maximum(y * 1.4, (abs(x) * 2 - y) * 0.8),
}


def scene(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A scene (48, 48, 3) and the class of each pixel (48, 48), 255 along the rims."""
    image = rng.uniform(40, 215, 3) + np.zeros((SIDE, SIDE, 3))
    mask = np.zeros((SIDE, SIDE), "uint8")
    for _ in range(rng.integers(1, 5)):
        kind, radius = int(rng.integers(1, len(CLASSES))), rng.uniform(6, 11)
        middle, colour = rng.uniform(8, SIDE - 8, (2, 1, 1)), rng.uniform(0, 255, 3)
        y, x = (np.mgrid[:SIDE, :SIDE] - middle) / radius
        distance = DISTANCE[CLASSES[kind]](x, y)
        image[distance < 1], mask[distance < 1] = colour, kind
        mask[abs(distance - 1) * radius < 0.7] = IGNORED
    return (image + rng.normal(0, 12, image.shape)).clip(0, 255).astype("uint8"), mask


def scenes(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scenes (count, 48, 48, 3) and their masks."""
    images, masks = zip(*(scene(rng) for _ in range(count)), strict=True)
    return np.stack(images), np.stack(masks)


def unet(smoke: bool) -> Any:
    """A U-Net of four sizes of maps, 8 to 64 channels."""
    from hornbook_applications.segmentation import UNet

    return UNet((SIDE, SIDE, 3), len(CLASSES), widths=(4, 8) if smoke else (8, 16, 32, 64))


def deeplab(smoke: bool) -> Any:
    """DeepLabV3+ on a small classifier that comes down to 3 x 3 places; without its last stride, on 6 x 6."""
    import hornbook as keras
    from hornbook import layers
    from hornbook_applications.segmentation import DeepLabV3Plus

    image = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    for width, stride in ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (96, 2), (96, 1), (128, 2), (128, 1)):
        x = layers.Conv2D(width // 4 if smoke else width, 3, stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    backbone = keras.Model(image, x)
    return DeepLabV3Plus(backbone, len(CLASSES), output_stride=8, filters=8 if smoke else 64, rates=(1, 2))


def segformer(smoke: bool) -> Any:
    """A small SegFormer on patches of stride 2, for shapes this small; its weights begin larger than for fine-tuning."""
    from hornbook_hub import ImagePreprocessor, ImageSegmenter
    from hornbook_hub.models.segformer import SegformerBackbone, SegformerConfig

    config = SegformerConfig(
        depths=[1, 1, 1, 1] if smoke else [2, 2, 2, 2],
        hidden_sizes=[24, 32, 48, 64],
        num_attention_heads=[1, 2, 3, 4],
        sr_ratios=[4, 2, 1, 1],
        strides=[2, 2, 2, 2],
        decoder_hidden_size=64,
        initializer_range=0.1,
        drop_path_rate=0.0,
        classifier_dropout_prob=0.0,
    )
    prepare = ImagePreprocessor("SegformerImageProcessor", size=SIDE)
    return ImageSegmenter(SegformerBackbone(config), prepare, num_classes=len(CLASSES))


NETWORKS = {  # what makes it, how many times --epochs it learns, how fast
    "unet": (unet, 1, 3e-3),
    "deeplab": (deeplab, 1, 3e-3),
    "segformer": (segformer, 2, 1.5e-3),
}


def picture(images: np.ndarray, masks: np.ndarray, found: list[np.ndarray], path: Path) -> None:
    """A column for each scene: the image, its mask (rims white), and what each network found; where Pillow is installed."""
    from PIL import Image

    colours = np.zeros((256, 3), "uint8")
    colours[:4], colours[IGNORED] = [(40, 40, 40), (230, 70, 60), (70, 160, 240), (250, 200, 60)], 255
    rows = [np.concatenate(list(row), axis=1) for row in (images, colours[masks], *(colours[f] for f in found))]
    sheet = np.concatenate(rows).repeat(2, 0).repeat(2, 1)
    Image.fromarray(sheet).save(path)


def main(arguments: Any) -> dict[str, Any]:
    """Train each network, test it on new scenes, and say how it went."""
    import hornbook as keras

    rng = np.random.default_rng(arguments.seed)
    images, masks = scenes(2 * arguments.batch_size if arguments.smoke else 2000, rng)
    new_images, new_masks = scenes(8 if arguments.smoke else 200, rng)
    result: dict[str, Any] = {"history": {}}
    found = []
    for name in arguments.networks:
        keras.utils.set_random_seed(arguments.seed)
        make, times, rate = NETWORKS[name]
        model, epochs = make(arguments.smoke), 1 if arguments.smoke else times * arguments.epochs
        schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * -(-len(images) // arguments.batch_size))
        model.compile(
            keras.optimizers.AdamW(schedule),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORED),
            metrics=[keras.metrics.MeanIoU(len(CLASSES), ignore_class=IGNORED, sparse_y_pred=False, name="mean_iou")],
        )
        print(f"{name}: {model.count_params():,} parameters")
        history = model.fit(images, masks, batch_size=arguments.batch_size, epochs=epochs)
        result[f"mean_iou_{name}"] = model.evaluate(new_images, new_masks, verbose=0)[1]
        result["history"] |= {f"{key}_{name}": values for key, values in history.history.items()}
        found.append(model.predict(new_images[:8], verbose=0).argmax(-1))
        if arguments.out is not None:
            arguments.out.mkdir(parents=True, exist_ok=True)
            model.save(arguments.out / f"segment_shapes_{name}.keras")
    if arguments.out is not None:
        picture(new_images[:8], new_masks[:8], found, arguments.out / "segment_shapes_found.png")
    return result


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=5, batch_size=20)
    options.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), help="which of them")
    arguments = options.parse_args()
    expected = {"unet": 0.75, "deeplab": 0.75, "segformer": 0.5}
    command_line.run(main, options, at_least={f"mean_iou_{name}": expected[name] for name in arguments.networks})
