"""Writes purchases of customers who buy and leave as BG/NBD says, worth what Gamma-Gamma says.

python3 customers.py CUSTOMERS OUT: OUT/purchases.csv with customer_id, day, margin; two years until 2025-12-31. The
parameters are near those of CDNOW: many buy once, a few often, three and a half times on average.
"""
import os
import sys

import numpy as np

R, ALPHA, A, B = 0.62, 6.0, 0.8, 2.5
P, Q, GAMMA = 6.25, 3.74, 15.44
DAYS = 730

customers, out = int(sys.argv[1]), sys.argv[2]
os.makedirs(out, exist_ok=True)
random = np.random.default_rng(20_260_101)
end = np.datetime64("2025-12-31")
first = True
with open(f"{out}/purchases.csv", "w", newline="") as file:
    file.write("customer_id,day,margin\n")
    # Piece by piece: ten million customers need not be in memory.
    for begin in range(0, customers, 500_000):
        size = min(500_000, customers - begin)
        ids = np.arange(begin, begin + size)
        age = random.integers(1, DAYS, size)
        rate = random.gamma(R, 1 / ALPHA, size) / 7
        leaves = random.beta(A, B, size)
        scale = random.gamma(Q, 1 / GAMMA, size)
        at = np.zeros(size)
        rows = [(ids, end - age, random.gamma(P, 1, size) / scale)]
        alive = np.arange(size)
        while alive.size:
            # Nobody leaves before the first purchase that repeats, as in the paper.
            at[alive] += random.exponential(1 / np.maximum(rate[alive], 1e-12))
            alive = alive[at[alive] < age[alive]]
            rows.append((ids[alive], end - age[alive] + at[alive].astype(np.int64), random.gamma(P, 1, alive.size) / scale[alive]))
            alive = alive[random.random(alive.size) >= leaves[alive]]
        customer, day, margin = (np.concatenate(column) for column in zip(*rows))
        order = np.lexsort((customer, day))
        text = np.char.add(np.char.add(np.char.mod("c%08d,", customer[order]), day[order].astype(str)), np.char.mod(",%.2f", margin[order]))
        file.write("\n".join(text))
        file.write("\n")
