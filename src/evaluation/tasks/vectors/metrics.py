# Makes metrics.json: python3 -m venv V && V/bin/pip install scikit-learn==1.9.1 && V/bin/python metrics.py > metrics.json
import json, random, warnings
import numpy as np, sklearn
from sklearn.metrics import roc_auc_score, log_loss, accuracy_score, f1_score
warnings.simplefilter('ignore')
r = random.Random(7)
def case(name, labels, probabilities, weights=None):
    y, p = np.array(labels), np.array(probabilities, dtype=np.float64)
    w = None if weights is None else np.array(weights)
    predicted = (p > 0.5).astype(int)
    expected = {
        'auc': float(roc_auc_score(y, p, sample_weight=w)) if len(set(labels)) == 2 else None,
        'log_loss': float(log_loss(y, p, labels=[0, 1], sample_weight=w)),
        'accuracy': float(accuracy_score(y, predicted, sample_weight=w)),
        'f1': float(f1_score(y, predicted, sample_weight=w)),
    }
    return {'name': name, 'labels': labels, 'probabilities': probabilities, 'weights': weights, 'expected': expected}
n = 40
labels = [int(r.random() < 0.3) for _ in range(n)]
distinct = [round(min(max(r.gauss(0.3 + 0.35 * y, 0.2), 0.001), 0.999), 6) for y in labels]
ties = [round(p, 1) for p in distinct]
cases = [
    case('distinct probabilities', labels, distinct),
    case('many ties, also at 0.5', labels, ties),
    case('all probabilities equal', labels, [0.25] * n),
    case('exactly 0 and 1, wrong ones too', [0, 1, 0, 1, 1, 0], [0.0, 1.0, 1.0, 0.0, 0.7, 0.2]),
    case('beside the clipping limits', [0, 1, 0, 1], [1e-17, 1 - 1e-16, 2.3e-16, 1e-300]),
    case('nothing predicted positive', [0, 1, 0, 1, 0], [0.1, 0.4, 0.2, 0.5, 0.3]),
    case('no positive, none predicted', [0, 0, 0], [0.1, 0.4, 0.2]),
    case('perfect', [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]),
    case('inverted', [1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]),
    case('multiplicities', labels, ties, [r.randrange(4) for _ in range(n)]),
    case('fractional weights', labels, distinct, [round(r.random() * 3, 3) for _ in range(n)]),
]

def multiclass(name, labels, probabilities, weights=None, multiplicities=None):
    y, p = np.array(labels), np.array(probabilities, dtype=np.float64)
    w = None if weights is None else np.array(weights)
    if multiplicities is not None:  # A row that was drawn k times stands there k times; one that was not, not at all.
        y, p = np.repeat(y, multiplicities), np.repeat(p, multiplicities, axis=0)
    predicted = p.argmax(axis=1)
    expected = {
        'accuracy': float(accuracy_score(y, predicted, sample_weight=w)),
        'macro_f1': float(f1_score(y, predicted, average='macro', sample_weight=w)),
        'log_loss': float(log_loss(y, p, labels=list(range(p.shape[1])), sample_weight=w)),
    }
    return {'name': name, 'labels': labels, 'probabilities': probabilities,
            'weights': weights if multiplicities is None else multiplicities, 'expected': expected}
def row(truth, k, strength):
    raw = [r.random() + (strength if index == truth else 0) for index in range(k)]
    return [value / sum(raw) for value in raw]
def of_tenths(cuts):  # Tenths that add up to 1: many ties, also for the first place.
    a, b = sorted(cuts)
    return [a / 10, (b - a) / 10, (10 - b) / 10]
truth = [r.randrange(4) for _ in range(n)]
sure = [row(y, 4, 0.4) for y in truth]
three = [r.randrange(3) for _ in range(n)]
tied = [of_tenths([r.randrange(11), r.randrange(11)]) for _ in range(n)]
multiclass_cases = [
    multiclass('four classes', truth, sure),
    multiclass('many ties, the first of them is predicted', three, tied),
    multiclass('every row a tie of all', [0, 1, 2, 1], [[1 / 3, 1 / 3, 1 / 3]] * 4),
    multiclass('a class that the holdout lacks, predicted', [0, 1, 1, 0, 3],
               [[.7, .1, .1, .1], [.1, .7, .1, .1], [.1, .2, .6, .1], [.4, .3, .2, .1], [.1, .1, .1, .7]]),
    multiclass('a class that the holdout lacks, not predicted', [0, 1, 1, 0, 3],
               [[.7, .1, .1, .1], [.1, .7, .1, .1], [.1, .6, .2, .1], [.2, .5, .2, .1], [.1, .1, .1, .7]]),
    multiclass('a class that is never predicted', [0, 1, 2, 2, 1], [[.6, .3, .1], [.2, .7, .1], [.1, .6, .3], [.8, .1, .1], [.3, .5, .2]]),
    multiclass('exactly 0 and 1, wrong ones too', [0, 1, 2, 0], [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]),
    multiclass('beside the clipping limits', [0, 1, 0], [[1 - 1e-16, 1e-16, 0], [1 - 1e-17, 1e-17, 0], [1e-300, 1, 0]]),
    multiclass('two classes', [int(y == 0) for y in truth], [row(int(y == 0), 2, 0.3) for y in truth]),
    multiclass('perfect', [0, 1, 2], [[.8, .1, .1], [.1, .8, .1], [.1, .1, .8]]),
    multiclass('fractional weights', truth, sure, [round(r.random() * 3, 3) for _ in range(n)]),
    multiclass('multiplicities', three, tied, multiplicities=[r.randrange(4) for _ in range(n)]),
    multiclass('a resample that lacks a class', truth, sure, multiplicities=[0 if y == 2 else r.randrange(3) for y in truth]),
]
print(json.dumps({'scikit-learn': sklearn.__version__, 'cases': cases, 'multiclass': multiclass_cases}))
