//! Angles in 256 steps a turn, without a mathematics library.

/// Steps of a full turn.
pub(super) const STEPS: usize = 256;

/// One in the fixed-point numbers of [`direction`].
pub(super) const UNIT: i32 = 1 << 16;

/// The Taylor series of sine around zero: for angles up to a quarter of a turn the error is below
/// 1e-9.
const fn sine(x: f64) -> f64 {
    let s = x * x;
    x * (1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0 * (1.0 - s / 110.0 * (1.0 - s / 156.0))))))
}

/// (cosine, sine) of every step, times [`UNIT`].
const DIRECTIONS: [(i32, i32); STEPS] = {
    let mut table = [(0, 0); STEPS];
    let quarter = STEPS / 4;
    let mut i = 0;
    while i <= quarter {
        let s = (sine(i as f64 * std::f64::consts::TAU / STEPS as f64) * UNIT as f64 + 0.5) as i32;
        let c = (sine((quarter - i) as f64 * std::f64::consts::TAU / STEPS as f64) * UNIT as f64 + 0.5) as i32;
        table[i] = (c, s);
        table[(i + quarter) % STEPS] = (-s, c);
        table[(i + 2 * quarter) % STEPS] = (-c, -s);
        table[(i + 3 * quarter) % STEPS] = (s, -c);
        i += 1;
    }
    table
};

/// (cosine, sine) of an angle, times [`UNIT`].
pub(super) fn direction(angle: u8) -> (i32, i32) {
    DIRECTIONS[usize::from(angle)]
}

/// The step nearest to the direction of `(x, y)`: the one with the largest projection; 0 for the
/// zero vector. Between two steps, where both projections are the same up to the rounding of the
/// table, it is either.
pub(super) fn angle_of(x: i64, y: i64) -> u8 {
    // The projection has one maximum around the circle, so the best of eight coarse steps leads to
    // it.
    let projection = |step: u8| {
        let (c, s) = direction(step);
        x * i64::from(c) + y * i64::from(s)
    };
    let mut best = 0_u8;
    let mut width = 32_u8;
    for step in (0..8).map(|k| k * 32) {
        if projection(step) > projection(best) {
            best = step;
        }
    }
    while width > 1 {
        width /= 2;
        for step in [best.wrapping_sub(width), best.wrapping_add(width)] {
            if projection(step) > projection(best) {
                best = step;
            }
        }
    }
    best
}

/// The smaller turn between two angles, 0 to 128 steps.
pub(super) fn apart(a: u8, b: u8) -> u8 {
    let d = a.wrapping_sub(b);
    d.min(d.wrapping_neg())
}
