"""The figures that the tests of uplift expect, by numpy and scikit-learn on the same vectors."""
import numpy as np


def uniform(count, seed):
    """Knuth's generator, as `mining/test_data.rs` has it."""
    state, out = seed, []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((state >> 11) / 2**53)
    return np.array(out)


def qini(score, treated, outcome):
    """Area between the gains and the line to their end; equal scores come in together."""
    n, n_t = len(score), treated.sum()
    shares, gains = [0.0], [0.0]
    for s in sorted(set(score), reverse=True):
        best = score >= s
        t, c = best & treated, best & ~treated
        brought = outcome[t].sum() - outcome[c].sum() * t.sum() / c.sum() if t.sum() and c.sum() else 0.0
        shares.append(best.sum() / n)
        gains.append(brought / n_t)
    return np.trapezoid(gains, shares) - gains[-1] / 2, gains[-1]


def campaign(seed):
    u = uniform(3 * 400, seed).reshape(400, 3)
    score = np.floor(u[:, 0] * 50) / 50 - 0.4
    treated = u[:, 1] < 0.75
    outcome = u[:, 2] < 0.4 + np.where(treated, 0.5 * score, 0.0)
    return score, treated, outcome


def experiment(rows=900):
    """Three standardised columns, 70% treated, an effect that depends on the second column."""
    u = uniform(5 * rows, 21).reshape(rows, 5)
    x = u[:, :3]
    treated = u[:, 3] < 0.7
    z = -1.0 + 2.0 * x[:, 0] - x[:, 2] + np.where(treated, 1.6 * (x[:, 1] - 0.4), 0.0)
    outcome = u[:, 4] < 1 / (1 + np.exp(-z))
    return (x - x.mean(0)) / x.std(0), treated, outcome


def learners():
    from sklearn.linear_model import LogisticRegression

    x, treated, outcome = experiment()
    fit = lambda rows, y, w=None: LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000).fit(rows, y, w)
    one, none = fit(x[treated], outcome[treated]), fit(x[~treated], outcome[~treated])
    two_model = one.predict_proba(x)[:, 1] - none.predict_proba(x)[:, 1]
    share = treated.mean()
    weight = np.where(treated, 0.5 / share, 0.5 / (1 - share))
    transformed = 2 * fit(x, outcome == treated, weight).predict_proba(x)[:, 1] - 1
    return two_model, transformed, treated, outcome


if __name__ == "__main__":
    from scipy.stats import norm

    for seed in (5, 6):
        print("qini", seed, *map(repr, map(float, qini(*campaign(seed)))))
    print("sample ratio", 2 * norm.sf(20 / np.sqrt(1000 * 0.7 * 0.3)))
    for name, score in zip(("two models", "transformed"), learners()[:2]):
        x, treated, outcome = experiment()
        print(name, [float(s) for s in score[[0, 1, 2, 450, 899]]], float(score.mean()), "qini", *qini(score, treated, outcome))
