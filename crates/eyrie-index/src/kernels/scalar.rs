//! The specification of all other kernels.

use super::Kernels;

pub(super) const KERNELS: Kernels = Kernels { isa: "scalar", dots };

fn dots(query: &[i8], codes: &[&[i8]], sums: &mut [i32]) {
    for (code, sum) in codes.iter().zip(sums) {
        *sum = query.iter().zip(*code).map(|(&q, &c)| i32::from(q) * i32::from(c)).sum();
    }
}
