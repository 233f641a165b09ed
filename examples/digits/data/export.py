"""Writes the CSV files of this example from scikit-learn's own copy of the data: python data/export.py"""

import csv
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent


def split(rows, size):
    """Two ascending lists of rows, the second of this size, each with the same share of every digit."""
    rest, taken = train_test_split(rows, test_size=size, stratify=digits.target[rows], random_state=0)
    return np.sort(rest), np.sort(taken)


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*digits.feature_names, "digit"])
        for row in rows:
            table.writerow([*(int(value) for value in digits.data[row]), digits.target[row]])


digits = load_digits()
train, holdout = split(np.arange(len(digits.target)), 500)
first, second = split(train, 500)
write(HERE / "train" / "digits-1.csv", first)
write(HERE.parent / "arrivals" / "digits-2.csv", second)
write(HERE / "holdout.csv", holdout)
