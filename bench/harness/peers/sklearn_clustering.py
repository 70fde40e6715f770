# usage: python3 sklearn_clustering.py IDS ROWS   prints {"version", "seconds": {NAME: SECONDS}}
# scikit-learn on one-dimensional values with three bumps: agglomerative clustering along the chain of sorted neighbours
# (the nearest of what this package's agglomerative method does; average linkage), and ten iterations of k-means.
import json
import sys
import time

import numpy
import scipy.sparse
import sklearn
from sklearn.cluster import AgglomerativeClustering, KMeans

ids, rows = int(sys.argv[1]), int(sys.argv[2])
random = numpy.random.default_rng(1)
values = numpy.sort(numpy.floor(random.random(ids) * 3) + random.random(ids) + random.random(ids) - 2)[:, None]
ones = numpy.ones(ids - 1)
chain = scipy.sparse.diags([ones, ones], [-1, 1], format="csr")
quantiles = values[numpy.linspace(0, ids - 1, rows).astype(int)]
cases = {
    "AgglomerativeClustering, chain": AgglomerativeClustering(n_clusters=rows, connectivity=chain, linkage="average"),
    "KMeans, 10 iterations": KMeans(n_clusters=rows, init=quantiles, n_init=1, max_iter=10, tol=0),
}
seconds = {}
for name, case in cases.items():
    start = time.perf_counter()
    case.fit(values)
    seconds[name] = time.perf_counter() - start
print(json.dumps({"version": sklearn.__version__, "seconds": seconds}))
