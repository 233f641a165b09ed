"""The peer of the paired bootstrap: numpy and scikit-learn. Takes FOLDER and RESAMPLES, prints a line of JSON."""

import json
import pathlib
import sys
import time

import numpy
from sklearn.metrics import roc_auc_score

folder, resamples = pathlib.Path(sys.argv[1]), int(sys.argv[2])
labels, candidate, champion = (
    numpy.fromfile(folder / name, dtype="<f8") for name in ("labels", "candidate", "champion")
)
random = numpy.random.default_rng(1)
began = time.perf_counter()
improvements = []
for _ in range(resamples):
    drawn = random.integers(0, len(labels), len(labels))
    truth = labels[drawn]
    improvements.append(roc_auc_score(truth, candidate[drawn]) - roc_auc_score(truth, champion[drawn]))
seconds = time.perf_counter() - began
lower, upper = numpy.quantile(improvements, [0.025, 0.975])
print(json.dumps({"seconds": seconds, "interval": {"lower": lower, "upper": upper}}))
