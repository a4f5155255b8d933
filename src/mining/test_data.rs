//! Data with a known answer, for the tests of this layer; reproducible in any language.

use ndarray::Array2;

/// Numbers in [0, 1) of Knuth's 64-bit linear congruential generator, 53 high bits each.
pub(super) fn uniform(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        })
        .collect()
}

/// `rows` points of `columns` dimensions around `k` well-parted centres in turn; and whose they are.
pub(super) fn blobs(rows: usize, k: usize, columns: usize) -> (Array2<f64>, Vec<usize>) {
    let noise = uniform(rows * columns, 3);
    let truth: Vec<usize> = (0..rows).map(|row| row % k).collect();
    let points = Array2::from_shape_fn((rows, columns), |(row, column)| {
        let centre = if (truth[row] + column).is_multiple_of(k) { 4.0 } else { 0.0 };
        centre + noise[row * columns + column] * 2.0 - 1.0
    });
    (points, truth)
}
