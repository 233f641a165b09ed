"""Trains a small neural network on the churn data with the inputs and outputs of the example's own scikit-learn
training: a script that somebody might propose, and that is worse than the trees.

python mlp.py EXAMPLE_FOLDER DATA OUT
"""

import sys
import warnings
from pathlib import Path

example, data, out = map(Path, sys.argv[1:])
sys.path.insert(0, str(example / "training-sklearn"))
import numpy as np
import train
from sklearn.compose import ColumnTransformer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.simplefilter("ignore")
features, classes = train.read_tables(data)
pipeline = make_pipeline(
    ColumnTransformer(
        [
            ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32), train.TEXTS),
            ("numbers", StandardScaler(), train.NUMBERS),
        ]
    ),
    MLPClassifier(hidden_layer_sizes=(32,), max_iter=200, random_state=0),
).fit(features, classes)
out.mkdir(parents=True, exist_ok=True)
(out / "model.onnx").write_bytes(train.onnx_bytes(pipeline))
