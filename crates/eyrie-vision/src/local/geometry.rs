//! Plane geometry: maps of the plane fitted to pairs of points, and what makes a map believable.

/// A point, in whatever unit the caller uses.
pub(super) type Point = (f64, f64);

/// A map of the plane, row by row, acting on homogeneous columns (x, y, 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Map(pub(super) [f64; 9]);

impl Map {
    /// Where a point goes; `None` where it would lie at infinity or behind the camera.
    pub(super) fn apply(&self, (x, y): Point) -> Option<Point> {
        let m = &self.0;
        let w = m[6] * x + m[7] * y + m[8];
        (w > 1e-9).then(|| ((m[0] * x + m[1] * y + m[2]) / w, (m[3] * x + m[4] * y + m[5]) / w))
    }

    /// The map back; `None` where this one leaves no way back.
    pub(super) fn inverse(&self) -> Option<Self> {
        let m = &self.0;
        let minor = |a: usize, b: usize, c: usize, d: usize| m[a] * m[d] - m[b] * m[c];
        let (x, y, z) = (minor(4, 5, 7, 8), minor(3, 5, 6, 8), minor(3, 4, 6, 7));
        let determinant = m[0] * x - m[1] * y + m[2] * z;
        // The sign counts: what lies in front of the camera stays there.
        (determinant.abs() > 1e-12).then(|| {
            let adjugate = [
                x,
                -minor(1, 2, 7, 8),
                minor(1, 2, 4, 5),
                -y,
                minor(0, 2, 6, 8),
                -minor(0, 2, 3, 5),
                z,
                -minor(0, 1, 6, 7),
                minor(0, 1, 3, 4),
            ];
            Self(adjugate.map(|v| v / determinant))
        })
    }

    /// The product: first `other`, then `self`.
    fn after(&self, other: &Self) -> Self {
        let (a, b) = (&self.0, &other.0);
        Self(std::array::from_fn(|i| (0..3).map(|k| a[i / 3 * 3 + k] * b[k * 3 + i % 3]).sum()))
    }
}

/// The scaling and shift that bring points to mean zero and mean distance about one.
fn normalisation(points: impl Iterator<Item = Point> + Clone) -> Option<(f64, Point)> {
    let n = points.clone().count() as f64;
    let (sx, sy) = points.clone().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
    let (mx, my) = (sx / n, sy / n);
    let spread = points.map(|(x, y)| (x - mx) * (x - mx) + (y - my) * (y - my)).sum::<f64>() / n;
    (spread > 1e-6).then(|| (1.0 / spread.sqrt(), (mx, my)))
}

/// Solves `a x = b` for a symmetric positive matrix by Cholesky's factorisation; `None` if it is
/// near singular.
fn solve<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> Option<[f64; N]> {
    for j in 0..N {
        let before = a[j][j];
        for k in 0..j {
            a[j][j] -= a[j][k] * a[j][k];
        }
        if a[j][j].is_nan() || a[j][j] <= before * 1e-10 || a[j][j] <= 0.0 {
            return None;
        }
        a[j][j] = a[j][j].sqrt();
        for i in j + 1..N {
            for k in 0..j {
                a[i][j] -= a[i][k] * a[j][k];
            }
            a[i][j] /= a[j][j];
        }
    }
    for i in 0..N {
        for k in 0..i {
            b[i] -= a[i][k] * b[k];
        }
        b[i] /= a[i][i];
    }
    for i in (0..N).rev() {
        for k in i + 1..N {
            b[i] -= a[k][i] * b[k];
        }
        b[i] /= a[i][i];
    }
    Some(b)
}

/// The affine map (N = 6) or homography (N = 8) from the first to the second points, by least
/// squares over all pairs: the linear equations of Hartley and Zisserman, Multiple View Geometry,
/// 4.1, with h33 = 1 on normalised points, weighted by the denominators of `start` so that the
/// residual is nearly the distance in the second picture.
fn fitted<const N: usize>(pairs: &[(Point, Point)], start: Option<&Map>) -> Option<Map> {
    if pairs.len() < N / 2 {
        return None;
    }
    let (s1, (x1, y1)) = normalisation(pairs.iter().map(|p| p.0))?;
    let (s2, (x2, y2)) = normalisation(pairs.iter().map(|p| p.1))?;
    let mut a = [[0.0; N]; N];
    let mut b = [0.0; N];
    for &(p, q) in pairs {
        let weight = start.map_or(1.0, |m| 1.0 / (m.0[6] * p.0 + m.0[7] * p.1 + m.0[8]).powi(2).max(1e-6));
        let (x, y) = ((p.0 - x1) * s1, (p.1 - y1) * s1);
        let (u, v) = ((q.0 - x2) * s2, (q.1 - y2) * s2);
        let rows = [[x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y], [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y]];
        for (row, target) in rows.iter().zip([u, v]) {
            for i in 0..N {
                for j in 0..=i {
                    a[i][j] += weight * row[i] * row[j];
                }
                b[i] += weight * row[i] * target;
            }
        }
    }
    let h = solve(a, b)?;
    let get = |i: usize| h.get(i).copied().unwrap_or(0.0);
    let middle = Map([get(0), get(1), get(2), get(3), get(4), get(5), get(6), get(7), 1.0]);
    let to = Map([s1, 0.0, -s1 * x1, 0.0, s1, -s1 * y1, 0.0, 0.0, 1.0]);
    let back = Map([1.0 / s2, 0.0, x2, 0.0, 1.0 / s2, y2, 0.0, 0.0, 1.0]);
    Some(back.after(&middle).after(&to))
}

/// The affine map that fits the pairs best.
pub(super) fn affine(pairs: &[(Point, Point)]) -> Option<Map> {
    fitted::<6>(pairs, None)
}

/// The homography that fits the pairs best, near `start`.
pub(super) fn homography(pairs: &[(Point, Point)], start: &Map) -> Option<Map> {
    fitted::<8>(pairs, Some(start))
}

/// The least deviation of the inliers across their main direction, in pixels: below it they lie on
/// a line, and a homography through them is arbitrary.
const LEAST_SPREAD: f64 = 6.0;

/// The area of the region may change by at most this factor.
const LARGEST_AREA_RATIO: f64 = 30.0;

/// A side of the region's quadrilateral is at most this many times as long as the opposite one.
const LARGEST_SIDE_RATIO: f64 = 4.0;

/// Whether points spread in two directions.
pub(super) fn is_spread(points: impl Iterator<Item = Point> + Clone) -> bool {
    let n = points.clone().count().max(1) as f64;
    let (sx, sy) = points.clone().fold((0.0, 0.0), |(sx, sy), (x, y)| (sx + x, sy + y));
    let (xx, yy, xy) = points.fold((0.0, 0.0, 0.0), |(xx, yy, xy), (x, y)| {
        let (dx, dy) = (x - sx / n, y - sy / n);
        (xx + dx * dx / n, yy + dy * dy / n, xy + dx * dy / n)
    });
    // The smaller eigenvalue of the covariance matrix.
    let smaller = (xx + yy) / 2.0 - ((xx - yy) * (xx - yy) / 4.0 + xy * xy).sqrt();
    smaller >= LEAST_SPREAD * LEAST_SPREAD
}

/// Whether a map takes a rectangle (clockwise corners) to something that a photograph of it could
/// be: convex, not mirrored, neither tiny nor huge, no side far longer than the opposite one.
pub(super) fn is_plausible(rectangle: &[Point; 4], map: &Map) -> bool {
    let mut quad = [(0.0, 0.0); 4];
    for (to, &from) in quad.iter_mut().zip(rectangle) {
        let Some(point) = map.apply(from) else { return false };
        *to = point;
    }
    let side = |q: &[Point; 4], i: usize| (q[(i + 1) % 4].0 - q[i].0, q[(i + 1) % 4].1 - q[i].1);
    let turn = |i: usize| {
        let (a, b) = (side(&quad, i), side(&quad, (i + 1) % 4));
        a.0 * b.1 - a.1 * b.0
    };
    let area =
        |q: &[Point; 4]| (0..4).map(|i| q[i].0 * q[(i + 1) % 4].1 - q[(i + 1) % 4].0 * q[i].1).sum::<f64>() / 2.0;
    let length = |i: usize| {
        let (dx, dy) = side(&quad, i);
        (dx * dx + dy * dy).sqrt()
    };
    let is_within = |a: f64, b: f64, factor: f64| a <= b * factor && b <= a * factor;
    (0..4).all(|i| turn(i) > 0.0)
        && is_within(area(&quad), area(rectangle), LARGEST_AREA_RATIO)
        && (0..2).all(|i| is_within(length(i), length(i + 2), LARGEST_SIDE_RATIO))
}
