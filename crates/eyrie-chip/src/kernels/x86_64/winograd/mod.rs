//! Winograd's tiles on x86-64: the vectors of each set of instructions.

/// The part of [`Simd`](crate::kernels::winograd::Simd) that is the same for the sets of
/// instructions with these types `Bytes` and `Sums`, and accumulators of one `Sums` a tile for each
/// part of the channels.
macro_rules! shared {
    () => {
        #[inline(always)]
        fn splat(byte: u8) -> Bytes {
            Bytes::splat(byte)
        }

        #[inline(always)]
        fn load(bytes: &[u8]) -> Bytes {
            Bytes::load(bytes)
        }

        #[inline(always)]
        fn store(value: Bytes, bytes: &mut [u8]) {
            value.store(bytes);
        }

        #[inline(always)]
        fn store_levels(value: Bytes, levels: &mut [i8]) {
            value.store_levels(levels);
        }

        #[inline(always)]
        fn levels(codebook: Codebook, codes: &[u8]) -> Bytes {
            Bytes::levels(codebook, codes)
        }

        #[inline(always)]
        fn put(products: Self::Products, to: &mut [i32]) {
            let to = &mut to[..TILES * Self::CHANNELS];
            each_pixel!(TILES, tile => {
                for (part, sums) in Sums::parts(products[tile]).into_iter().enumerate() {
                    sums.store(&mut to[tile * Self::CHANNELS + part * LANES..]);
                }
            });
            // SAFETY: an empty instruction that might touch all memory: what is read again then
            // comes from there and not from registers that the products need.
            unsafe { asm!("", options(nostack, preserves_flags)) };
        }

        #[inline(always)]
        fn put_sum(products: Self::Products, to: &mut [i32]) {
            let to = &mut to[..TILES * Self::CHANNELS];
            each_pixel!(TILES, tile => {
                for (part, sums) in Sums::parts(products[tile]).into_iter().enumerate() {
                    let to = &mut to[tile * Self::CHANNELS + part * LANES..];
                    (Sums::load(to) + sums).store(to);
                }
            });
        }

        #[inline(always)]
        fn put_difference(products: Self::Products, to: &mut [i32]) {
            let to = &mut to[..TILES * Self::CHANNELS];
            each_pixel!(TILES, tile => {
                for (part, sums) in Sums::parts(products[tile]).into_iter().enumerate() {
                    let to = &mut to[tile * Self::CHANNELS + part * LANES..];
                    (Sums::load(to) - sums).store(to);
                }
            });
        }

        #[inline(always)]
        fn load_sums(sums: &[i32]) -> Sums {
            Sums::load(sums)
        }

        #[inline(always)]
        fn max(a: Sums, b: Sums) -> Sums {
            a.max(b)
        }

        #[inline(always)]
        fn shift<const WIDE: bool>(sums: Sums) -> Sums {
            sums.shift::<WIDE>()
        }

        #[inline(always)]
        fn epilogue(conv: &PackedConv, channel: usize) -> Self::Epilogue {
            // SAFETY: called on CPUs that have these instructions.
            unsafe { Self::Epilogue::new(conv, channel) }
        }

        #[inline(always)]
        fn activate(epilogue: &Self::Epilogue, sums: Sums, to: &mut [u8]) {
            sums.activate(epilogue, to);
        }
    };
}
use shared;

pub(in crate::kernels) mod avx2;
pub(in crate::kernels) mod avx512vnni;
pub(in crate::kernels) mod avxvnni;
