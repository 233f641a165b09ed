"""Trains the churn model with scikit-learn; same inputs and outputs as training/train.ts.

python training-sklearn/train.py --data data/train --out .edgeloop/by-hand --trees 120
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

LABEL = "churn"
# The model's classes 0 and 1 are their places in this list.
CLASSES = ["no", "yes"]
TEXTS = ["state", "area_code", "international_plan", "voice_mail_plan"]
# The model's inputs in the order of training/columns.ts.
FEATURES = [
    "state",
    "account_length",
    "area_code",
    "international_plan",
    "voice_mail_plan",
    "number_vmail_messages",
    *(f"total_{time}_{what}" for time in ("day", "eve", "night", "intl") for what in ("minutes", "calls", "charge")),
    "number_customer_service_calls",
]
NUMBERS = [name for name in FEATURES if name not in TEXTS]


class InputError(Exception):
    """Input that cannot be used: where, what was found, what was expected."""


def read_table(file):
    """One CSV file: its features, numbers as float32, and the class of each row."""
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig").fillna("")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: found no table, expected CSV with a header: {error}") from error
    missing = [name for name in [*FEATURES, LABEL] if name not in table.columns]
    if missing:
        raise InputError(f"{file}:1: found no column {missing[0]}, expected every column of FEATURES and {LABEL}")
    for name in TEXTS:
        refuse(file, table[name], table[name].str.strip() == "", "text")
    numbers = {name: pd.to_numeric(table[name], errors="coerce").astype(np.float32) for name in NUMBERS}
    for name, values in numbers.items():
        refuse(file, table[name], ~np.isfinite(values), "a number")
    refuse(file, table[LABEL], ~table[LABEL].isin(CLASSES), " or ".join(CLASSES))
    print(f"{file}: {len(table)} rows")
    return table.assign(**numbers)[FEATURES], table[LABEL].map(CLASSES.index).to_numpy(dtype=np.int64)


def refuse(file, values, wrong, expected):
    if not wrong.any():
        return
    row = int(np.flatnonzero(wrong)[0])
    raise InputError(f"{file}:{row + 2}: found {values.iloc[row]!r}, expected {expected} for {values.name}")


def read_tables(source):
    """The same of a file, or of all CSV files of a folder, by name."""
    files = sorted(source.rglob("*.csv")) if source.is_dir() else [source]
    if not files:
        raise InputError(f"{source}: found no CSV file, expected at least one")
    features, classes = zip(*(read_table(file) for file in files))
    every = np.concatenate(classes)
    if len(set(every.tolist())) < len(CLASSES):
        raise InputError(f"{source}: found one class only, expected rows of both {' and '.join(CLASSES)}")
    return pd.concat(features, ignore_index=True), every


def fit(features, classes, trees, depth, rate):
    model = make_pipeline(
        ColumnTransformer(
            [
                ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32), TEXTS),
                ("numbers", "passthrough", NUMBERS),
            ]
        ),
        HistGradientBoostingClassifier(
            max_iter=trees, max_depth=depth, learning_rate=rate, early_stopping=False, random_state=0
        ),
    )
    # One thread: the order in which sums are added must not depend on the machine's number of cores.
    with threadpool_limits(1):
        return model.fit(features, classes)


def onnx_bytes(pipeline):
    """One input [N,1] per column; outputs `label` INT64 [N] and `probabilities` FLOAT [N,2]."""
    model = to_onnx(
        pipeline,
        initial_types=[
            (name, (StringTensorType if name in TEXTS else FloatTensorType)([None, 1])) for name in FEATURES
        ],
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
        name="churn",
    )
    # The converter collects them in a set, whose order may change with the hash seed.
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    for key, value in (("features", FEATURES), ("labels", CLASSES)):
        model.metadata_props.add(key=key, value=json.dumps(value))
    return model.SerializeToString(deterministic=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a CSV file, or a folder of them")
    parser.add_argument("--out", type=Path, required=True, help="the folder for model.onnx")
    parser.add_argument("--trees", type=int, required=True)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate")
    given = parser.parse_args()

    model = onnx_bytes(fit(*read_tables(given.data), given.trees, given.depth, given.rate))
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "model.onnx").write_bytes(model)
    print(f"{given.out / 'model.onnx'}: {len(model)} bytes")


if __name__ == "__main__":
    try:
        main()
    except (InputError, OSError) as error:
        sys.exit(f"{error}")
