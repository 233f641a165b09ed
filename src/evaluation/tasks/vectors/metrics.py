# Makes metrics.json: python3 -m venv V && V/bin/pip install scikit-learn==1.9.1 && V/bin/python metrics.py > metrics.json
import json, pathlib, random, runpy, warnings
import sklearn
warnings.simplefilter('ignore')
# Each metric as the test against scikit-learn itself asks for it.
ask = runpy.run_path(str(pathlib.Path(__file__).resolve().parents[4] / 'test/interop/scikit-learn.py'))
r = random.Random(7)
def case(name, labels, probabilities, weights=None):
    return {'name': name, 'labels': labels, 'probabilities': probabilities, 'weights': weights,
            'expected': ask['binary'](labels, probabilities, weights)}
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
    case('the limits of the bins', [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0], [0, .1, .2, .3, .1 * 3, .4, .5, .6, .1 * 6, .7, .1 * 7, 1]),
    case('every positive weighs nothing', labels, distinct, [0 if y else 0.5 + i % 3 for i, y in enumerate(labels)]),
    case('nothing weighs anything', [0, 1, 1], [0.2, 0.6, 0.4], [0, 0, 0]),
]

def multiclass(name, labels, probabilities, weights=None):
    return {'name': name, 'labels': labels, 'probabilities': probabilities, 'weights': weights,
            'expected': ask['multiclass'](labels, probabilities, weights)}
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
    multiclass('multiplicities', three, tied, weights=[r.randrange(4) for _ in range(n)]),
    multiclass('a resample that lacks a class', truth, sure, weights=[0 if y == 2 else r.randrange(3) for y in truth]),
]

def regression(name, labels, predictions, weights=None, quantile=0.5):
    return {'name': name, 'labels': labels, 'predictions': predictions, 'weights': weights, 'quantile': quantile,
            'expected': ask['regression'](labels, predictions, weights, quantile)}
def rounded(values, digits=4):
    return [round(value, digits) for value in values]
sizes = rounded(r.gauss(20, 8) for _ in range(n))
guesses = rounded(size + r.gauss(1, 4) for size in sizes)
integers = [r.randrange(4) for _ in range(n)]
regression_cases = [
    regression('around twenty', sizes, guesses),
    regression('the ninth decile', sizes, guesses, quantile=0.9),
    regression('negative', [-size for size in sizes], rounded(r.gauss(-20, 8) for _ in range(n)), quantile=0.25),
    regression('zeros in the truth', [size if k else 0.0 for size, k in zip(sizes, integers)], guesses),
    regression('worse than the mean', sizes, guesses[::-1]),
    regression('perfect', sizes, sizes),
    regression('one truth, wrong', [2.5] * 4, [2.5, 2.0, 3.0, 2.5]),
    regression('one truth, right', [2.5] * 4, [2.5] * 4),
    regression('one row', [2.5], [3.0]),
    regression('huge', [size * 1e120 for size in sizes], [guess * 1e120 for guess in guesses]),
    regression('tiny', [size * 1e-120 for size in sizes], [guess * 1e-120 for guess in guesses]),
    regression('multiplicities', sizes, guesses, integers),
    regression('fractional weights', sizes, guesses, [round(r.random() * 3, 3) for _ in range(n)], quantile=0.1),
    regression('one truth among those that count', [2.0, 2.0, 7.0, 2.0], [2.0, 3.0, 9.0, 1.0], [1.5, 0.5, 0, 2]),
]
print(json.dumps({'scikit-learn': sklearn.__version__, 'cases': cases, 'multiclass': multiclass_cases,
                  'regression': regression_cases}))
