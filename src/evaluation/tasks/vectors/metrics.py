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
print(json.dumps({'scikit-learn': sklearn.__version__, 'cases': cases}))
