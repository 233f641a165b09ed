# What scikit-learn says of the cases on standard input, {task: [case]}; null where it refuses or has no finite answer.
# A null among numbers is NaN. src/evaluation/tasks/vectors/metrics.py makes its vectors with the same functions.
import json
import math
import sys
import warnings

import numpy as np
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.utils import check_array

BINS = 10


def answer(ask):
    try:
        value = float(ask())
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(value) else None


def numbers(values):
    return None if values is None else np.array(values, dtype=np.float64)


def binary(labels, probabilities, weights=None):
    y, p, w = np.array(labels), numbers(probabilities), numbers(weights)
    # check_array refuses NaN, as everything does that is given the probabilities themselves.
    predicted = lambda: (check_array(p, ensure_2d=False) > 0.5).astype(int)
    return {
        'auc': answer(lambda: metrics.roc_auc_score(y, p, sample_weight=w)),
        'log_loss': answer(lambda: metrics.log_loss(y, p, labels=[0, 1], sample_weight=w)),
        'accuracy': answer(lambda: metrics.accuracy_score(y, predicted(), sample_weight=w)),
        'f1': answer(lambda: metrics.f1_score(y, predicted(), zero_division=0, sample_weight=w)),
        'average_precision': answer(lambda: metrics.average_precision_score(y, p, sample_weight=w)),
        'precision': answer(lambda: metrics.precision_score(y, predicted(), zero_division=0, sample_weight=w)),
        'recall': answer(lambda: metrics.recall_score(y, predicted(), zero_division=0, sample_weight=w)),
        'brier': answer(lambda: metrics.brier_score_loss(y, p, pos_label=1, sample_weight=w)),
        'calibration_error': answer(lambda: calibration_error(y, check_array(p, ensure_2d=False), w)),
    }


def calibration_error(y, p, w):
    if w is not None:  # calibration_curve knows no weights: a row that weighs 0.125 stands there 125 times.
        times = np.rint(w * 1000).astype(int)
        y, p = np.repeat(y, times), np.repeat(p, times)
    prob_true, prob_pred = calibration_curve(y, p, pos_label=1, n_bins=BINS, strategy='uniform')
    # It does not say how many rows each bin has, so they are counted by its own two lines.
    rows = np.bincount(np.searchsorted(np.linspace(0.0, 1.0, BINS + 1)[1:-1], p))
    return np.average(np.abs(prob_true - prob_pred), weights=rows[rows != 0])


def multiclass(labels, probabilities, weights=None):
    y, p, w = np.array(labels), numbers(probabilities), numbers(weights)
    predicted = lambda: check_array(p).argmax(axis=1)
    return {
        'accuracy': answer(lambda: metrics.accuracy_score(y, predicted(), sample_weight=w)),
        'macro_f1': answer(lambda: macro_f1(y, predicted(), w)),
        'log_loss': answer(lambda: metrics.log_loss(y, p, labels=range(p.shape[1]), sample_weight=w)),
    }


def macro_f1(y, predicted, w):
    if w is not None:  # A row that weighs nothing is not there, so that its class need not occur either.
        y, predicted, w = y[w != 0], predicted[w != 0], w[w != 0]
    return metrics.f1_score(y, predicted, average='macro', zero_division=0, sample_weight=w)


def regression(labels, predictions, weights=None, quantile=0.5):
    y, p, w = numbers(labels), numbers(predictions), numbers(weights)
    return {
        'rmse': answer(lambda: metrics.root_mean_squared_error(y, p, sample_weight=w)),
        'mae': answer(lambda: metrics.mean_absolute_error(y, p, sample_weight=w)),
        'r2': answer(lambda: metrics.r2_score(y, p, sample_weight=w)),
        'mape': answer(lambda: metrics.mean_absolute_percentage_error(y, p, sample_weight=w)),
        'quantile_loss': answer(lambda: metrics.mean_pinball_loss(y, p, alpha=quantile, sample_weight=w)),
    }


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    asked = json.load(sys.stdin)
    tasks = {'binary': binary, 'multiclass': multiclass, 'regression': regression}
    json.dump({name: [tasks[name](**case) for case in cases] for name, cases in asked.items()}, sys.stdout)
