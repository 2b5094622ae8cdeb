"""Detectors find coloured shapes: what, and where.

What:     a small convolutional network with the heads of RetinaNet (anchors, focal loss) or of a detector like YOLOv8 (points,
          distributions of distances, aligned tasks): `--model retinanet` or `--model yolo`.
Why:      to see all of a detector at work: boxes are matched, coded, learned, decoded, and of those that overlap one stays.
Data:     drawn here: one to four discs, squares and crosses of any colour on a noisy image of 96 x 96, some partly hidden.
Hardware: one CPU core, about three minutes.
Expect:   on new images an AP50 (COCO's average precision at an overlap of 0.5) of at least 0.94: RetinaNet has 0.974 and an AP
          of 0.83, the other one 0.974 and 0.86, with seed 0.
Run:      python recipes/detect_shapes.py --model yolo --out found
"""

from typing import Any

import numpy as np

import command_line

SHAPES = {  # of the distances (x, y) from the middle, 1 at the rim
    "disc": lambda x, y: x**2 + y**2 < 1,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) < 1,
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) < 0.3) & (np.maximum(abs(x), abs(y)) < 1),
}
SIDE = 96


def draw(rng: np.random.Generator) -> tuple[np.ndarray, list, list]:
    """An image (96, 96, 3) with one to four shapes, their boxes (xyxy) and classes; later ones may hide part of earlier ones."""
    image = rng.uniform(0, 100, (SIDE, SIDE, 3))
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    boxes: list[list[float]] = []
    classes: list[int] = []
    for _ in range(rng.integers(1, 5)):
        radius = rng.uniform(6, 16)
        column, row = rng.uniform(radius, SIDE - radius, 2)
        middles = [((a + c) / 2, (b + d) / 2, (c - a) / 2) for a, b, c, d in boxes]
        if any(max(abs(column - i), abs(row - j)) < 0.75 * (radius + r) for i, j, r in middles):
            continue  # too much of it would be hidden
        label = int(rng.integers(len(SHAPES)))
        inside = list(SHAPES.values())[label]((x - column) / radius, (y - row) / radius)
        image[inside] = rng.uniform(60, 255, 3).clip(rng.permutation([0, 0, 180])) + rng.normal(
            0, 10, (inside.sum(), 3)
        )
        boxes.append([column - radius, row - radius, column + radius, row + radius])
        classes.append(label)
    return image.clip(0, 255).astype("uint8"), boxes, classes


def scenes(count: int, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Images and their labels."""
    from hornbook_applications import detection

    images, boxes, classes = zip(*[draw(rng) for _ in range(count)], strict=True)
    return np.stack(images), detection.pad_labels(boxes, classes, rows=4)


def build(name: str) -> Any:
    """The detector; both kinds stand on the same network."""
    from hornbook_applications import detection

    backbone = detection.csp_backbone(1 / 3, 0.125, input_shape=(SIDE, SIDE, 3))  # maps of 12 x 12, 6 x 6 and 3 x 3
    if name == "yolo":
        return detection.YOLO(backbone, len(SHAPES), max_candidates=200)
    sizes = {"max_level": 5, "filters": 48, "head_depth": 2, "anchor_size": 1.5}
    return detection.RetinaNet(backbone, len(SHAPES), **sizes, head_normalization=True, max_candidates=200)


def picture(images: np.ndarray, found: dict[str, np.ndarray], path: Any) -> None:
    """The images side by side, three times as large, with the boxes of a score above a half."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (4 * 3 * SIDE, 2 * 3 * SIDE))
    for i, pixels in enumerate(images[:8]):
        tile = Image.fromarray(pixels).resize((3 * SIDE, 3 * SIDE))
        pen = ImageDraw.Draw(tile)
        for box, label, score in zip(found["boxes"][i], found["classes"][i], found["scores"][i], strict=True):
            if score > 0.5:
                pen.rectangle((3 * box).tolist(), outline="white", width=2)
                pen.text((3 * box[:2] + 3).tolist(), f"{list(SHAPES)[label]} {score:.2f}", fill="white")
        pen.rectangle((0, 0, 3 * SIDE - 1, 3 * SIDE - 1), outline="grey")
        sheet.paste(tile, (i % 4 * 3 * SIDE, i // 4 * 3 * SIDE))
    sheet.save(path)


def main(arguments: Any) -> dict[str, Any]:
    """Train, find the shapes of new images, and say how it went."""
    import hornbook as keras
    from hornbook_applications import detection

    keras.utils.set_random_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    count, tests, epochs = (2 * arguments.batch_size, 8, 1) if arguments.smoke else (1000, 200, arguments.epochs)
    (images, labels), (new_images, new_labels) = scenes(count, rng), scenes(tests, rng)
    model = build(arguments.model)
    steps = epochs * -(-count // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(2e-4, steps, warmup_target=2e-3, warmup_steps=max(steps // 10, 1))
    optimizer = keras.optimizers.AdamW(rate, weight_decay=1e-3, global_clipnorm=10.0)
    model.compile(optimizer, run_eagerly=arguments.smoke)  # two steps are sooner run than traced
    history = model.fit(images, labels, batch_size=arguments.batch_size, epochs=epochs).history
    found = model.predict(new_images, verbose=0)
    metric = detection.MeanAveragePrecision()
    metric.update_state(new_labels, found)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        picture(new_images, found, arguments.out / "detect_shapes_found.png")
        model.save(arguments.out / "detect_shapes.keras")
    return {**metric.result(), "history": history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=10, batch_size=16)
    options.add_argument("--model", choices=("retinanet", "yolo"), default="retinanet", help="which detector")
    command_line.run(main, options, at_least={"AP50": 0.94})
