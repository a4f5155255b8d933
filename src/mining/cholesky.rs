//! Symmetric systems of equations by Cholesky.

/// Solves `H·x = g` by Cholesky; `hessian` is the lower triangle, row-major. A direction without
/// curvature gets a tiny one, so that columns that repeat each other share their weight.
pub(super) fn solve(hessian: &[f64], gradient: &[f64]) -> Vec<f64> {
    let m = gradient.len();
    let mut l = hessian.to_vec();
    for j in 0..m {
        for i in j..m {
            let mut sum = l[i * m + j];
            for k in 0..j {
                sum -= l[i * m + k] * l[j * m + k];
            }
            l[i * m + j] = if i == j { sum.max(1e-14).sqrt() } else { sum / l[j * m + j] };
        }
    }
    let mut x = gradient.to_vec();
    for i in 0..m {
        for k in 0..i {
            x[i] -= l[i * m + k] * x[k];
        }
        x[i] /= l[i * m + i];
    }
    for i in (0..m).rev() {
        for k in i + 1..m {
            x[i] -= l[k * m + i] * x[k];
        }
        x[i] /= l[i * m + i];
    }
    x
}
