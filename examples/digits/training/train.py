"""Trains a small neural network that reads handwritten digits, and leaves it as ONNX.

python training/train.py --data data/train --out .edgeloop/by-hand --hidden 64 --epochs 100 --seed 1
"""

import argparse
import csv
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

LABEL = "digit"
SIDE = 8
# Row by row, from the upper left: the order of the values of the model's input.
PIXELS = [f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE)]
BRIGHTEST = 16


class InputError(Exception):
    """Input that cannot be used: where, what was found, what was expected."""


def read_table(file):
    """Pixels [rows, 64] and digits [rows] of one CSV file."""
    with file.open(newline="", encoding="utf-8-sig") as text:
        rows = csv.DictReader(text)
        missing = [name for name in [*PIXELS, LABEL] if name not in (rows.fieldnames or [])]
        if missing:
            raise InputError(f"{file}:1: found no column {missing[0]}, expected {LABEL} and {PIXELS[0]} to {PIXELS[-1]}")
        pixels, digits = [], []
        for row in rows:
            place = f"{file}:{rows.line_num}"
            pixels.append([whole_number(place, name, row[name], BRIGHTEST) for name in PIXELS])
            digits.append(whole_number(place, LABEL, row[LABEL], 9))
    return np.array(pixels, dtype=np.float32).reshape(-1, len(PIXELS)), np.array(digits, dtype=np.int64)


def whole_number(place, name, text, most):
    try:
        value = int(text)
    except (TypeError, ValueError):
        value = -1
    if 0 <= value <= most:
        return value
    raise InputError(f"{place}: found {text!r}, expected a whole number from 0 to {most} for {name}")


def read_tables(source):
    """The same of a file, or of all CSV files of a folder, by name."""
    files = sorted(source.rglob("*.csv")) if source.is_dir() else [source]
    tables = [read_table(file) for file in files]
    for file, (_, digits) in zip(files, tables):
        print(f"{file}: {len(digits)} rows")
    pixels = np.concatenate([np.empty((0, len(PIXELS)), np.float32), *(table[0] for table in tables)])
    digits = np.concatenate([np.empty(0, np.int64), *(table[1] for table in tables)])
    lacking = sorted(set(range(10)) - set(digits.tolist()))
    if lacking:
        raise InputError(f"{source}: found no row of digit {lacking[0]}, expected rows of each digit")
    return pixels, digits


def fit(pixels, digits, hidden, epochs, seed):
    network = MLPClassifier(
        (hidden,), max_iter=epochs, random_state=seed, learning_rate_init=0.005, alpha=0.01
    )
    # One thread: the order in which sums are added must not depend on the machine's number of cores.
    with threadpool_limits(1), warnings.catch_warnings():
        # The number of epochs is a parameter here, not a limit that was missed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(pixels / BRIGHTEST, digits)
    print(f"{network.n_iter_} epochs: training loss {network.loss_:.4f}")
    # The model takes pixels as the files have them. A power of two: no weight is rounded.
    network.coefs_[0] = network.coefs_[0] / np.float32(BRIGHTEST)
    return network


def onnx_bytes(network):
    """Input `image` FLOAT [N,1,8,8]; outputs `label` INT64 [N] and `probabilities` FLOAT [N,10]."""
    model = to_onnx(
        network,
        initial_types=[("pixels", FloatTensorType([None, len(PIXELS)]))],
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
        name="digits",
    )
    # Whoever has a camera has images, one channel of rows and columns; the network takes them as one line.
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 1, SIDE, SIDE])
    model.graph.input[0].CopyFrom(image)
    model.graph.node.insert(0, helper.make_node("Flatten", ["image"], ["pixels"], axis=1))
    # The converter collects them in a set, whose order may change with the hash seed.
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    return model.SerializeToString(deterministic=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a CSV file, or a folder of them")
    parser.add_argument("--out", type=Path, required=True, help="the folder for model.onnx and trainer.json")
    parser.add_argument("--hidden", type=int, required=True, help="units of the hidden layer")
    parser.add_argument("--epochs", type=int, required=True, help="passes over the data")
    parser.add_argument("--seed", type=int, required=True, help="of the first weights and the order of the rows")
    given = parser.parse_args()

    pixels, digits = read_tables(given.data)
    model = onnx_bytes(fit(pixels, digits, given.hidden, given.epochs, given.seed))
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "model.onnx").write_bytes(model)
    # What the ONNX file can't say: which column is which of the 64 values, and what the ten classes are called.
    said = {
        "featureOrder": PIXELS,
        "labels": [int(label) for label in range(10)],
        "notes": f"scikit-learn MLPClassifier, {given.hidden} hidden units, {len(digits)} images of 8x8",
    }
    (given.out / "trainer.json").write_text(json.dumps(said) + "\n")
    print(f"{given.out / 'model.onnx'}: {len(model)} bytes")


if __name__ == "__main__":
    try:
        main()
    except (InputError, OSError) as error:
        sys.exit(f"{error}")
