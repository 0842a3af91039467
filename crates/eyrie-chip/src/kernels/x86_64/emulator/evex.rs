//! The 512-bit instructions that the kernels of AVX-512 are compiled to.
//!
//! The lower halves of the first sixteen registers live where the CPU has them, for instructions of
//! AVX2 to read and write; the rest is kept here. An instruction of AVX2 that writes a register
//! zeroes what is above: that it did is seen from the lower half, which then is not what was left
//! there.

use super::{Thread, dot};

type Vector = [u8; 64];

/// What the CPU has no place for.
pub(super) struct Registers {
    values: [Vector; 32],
    /// What was left in the lower halves.
    left: [[u8; 32]; 16],
}

impl Registers {
    pub(super) const ZERO: Self = Self { values: [[0; 64]; 32], left: [[0; 32]; 16] };

    unsafe fn read(&mut self, thread: &mut Thread<'_>, number: usize) -> Vector {
        if number < 16 {
            // SAFETY: the caller's promise.
            let low = unsafe { thread.vector(number) };
            if low != self.left[number] {
                self.values[number] = [0; 64];
                self.values[number][..32].copy_from_slice(&low);
                self.left[number] = low;
            }
        }
        self.values[number]
    }

    unsafe fn write(&mut self, thread: &mut Thread<'_>, number: usize, value: Vector) {
        self.values[number] = value;
        if number < 16 {
            let mut low = [0; 32];
            low.copy_from_slice(&value[..32]);
            if low == [0; 32] && value != [0; 64] {
                // Zeroes that are written over zeroes could not be seen. Nothing reads the half of
                // such a register.
                low = [0x5a; 32];
            }
            self.left[number] = low;
            // SAFETY: the caller's promise.
            unsafe { thread.set_vector(number, &low) };
        }
    }
}

fn lanes(value: &Vector) -> [i32; 16] {
    std::array::from_fn(|lane| i32::from_le_bytes([0, 1, 2, 3].map(|byte| value[4 * lane + byte])))
}

fn of_lanes(lanes: [i32; 16]) -> Vector {
    std::array::from_fn(|byte| lanes[byte / 4].to_le_bytes()[byte % 4])
}

fn by_lane(a: &Vector, b: &Vector, f: impl Fn(i32, i32) -> i32) -> Vector {
    let (a, b) = (lanes(a), lanes(b));
    of_lanes(std::array::from_fn(|lane| f(a[lane], b[lane])))
}

fn by_byte(a: &Vector, b: &Vector, f: impl Fn(u8, u8) -> u8) -> Vector {
    std::array::from_fn(|byte| f(a[byte], b[byte]))
}

fn by_word(a: &Vector, f: impl Fn(u16) -> u16) -> Vector {
    std::array::from_fn(|byte| f(u16::from_le_bytes([a[byte & !1], a[byte | 1]])).to_le_bytes()[byte & 1])
}

/// Does what the instruction does and moves on to the next one; `None` for one that is not known.
///
/// # Safety
/// The instruction pointer and the memory operands must be readable, and writable where the
/// instruction writes; the frame of the signal must have an area for AVX.
pub(super) unsafe fn emulate(thread: &mut Thread<'_>, registers: &mut Registers) -> Option<()> {
    let code = thread.instruction();
    // SAFETY: an instruction has at most 15 bytes, and code does not end right behind one.
    let byte = |at: usize| unsafe { *code.add(at) };
    // EVEX: 62; inverted R X B R', the map; W, inverted vvvv, the prefix; z, length, b, inverted
    // V', mask.
    if byte(0) != 0x62 || byte(3) >> 5 & 3 != 2 || byte(3) & 7 != 0 {
        return None; // of another length, or masked
    }
    let inverted = |at: usize, bit: u8, place: u8| usize::from(!byte(at) >> bit & 1) << place;
    let (map, prefix, wide) = (byte(1) & 7, byte(2) & 3, byte(2) >> 7 == 1);
    let vvvv = usize::from(!byte(2) >> 3 & 15) | inverted(3, 3, 4);
    let broadcast = byte(3) >> 4 & 1 == 1;
    let (opcode, modrm) = (byte(4), byte(5));
    let (mode, digit, rm) = (modrm >> 6, usize::from(modrm >> 3 & 7), usize::from(modrm & 7));
    let reg = digit | inverted(1, 7, 3) | inverted(1, 4, 4);
    let other = rm | inverted(1, 5, 3) | inverted(1, 6, 4);
    // How many bytes an operand in memory has: a displacement of one byte counts in them.
    let size = match (map, prefix, opcode) {
        _ if broadcast => 4,
        (2, 1, 0x58) => 4,
        (2, 1, 0x59) => 8,
        (2, 1, 0x31) | (2, 2, 0x31) | (1, 1, 0xe2 | 0xf2 | 0xd2) => 16,
        _ => 64,
    };
    let mut length = 6;
    let mut address = 0;
    if mode != 3 {
        let mut base = rm | inverted(1, 5, 3);
        if rm == 4 {
            let sib = byte(length);
            length += 1;
            base = usize::from(sib & 7) | inverted(1, 5, 3);
            let index = usize::from(sib >> 3 & 7) | inverted(1, 6, 3);
            if index != 4 {
                address = thread.general(index) << (sib >> 6);
            }
        }
        let relative = mode == 0 && base & 7 == 5;
        // SAFETY: the four bytes of a displacement.
        let long = |at: usize| unsafe { code.add(at).cast::<i32>().read_unaligned() as isize };
        let displacement = match mode {
            1 => isize::from(byte(length).cast_signed()) * size as isize,
            2 => long(length),
            _ if relative => long(length),
            _ => 0,
        };
        length += if relative { 4 } else { [0, 1, 4][usize::from(mode)] };
        if relative && rm == 4 {
            return None; // an index without a base
        }
        // Relative to the next instruction; an immediate byte behind the operand belongs to this
        // one.
        let immediate = usize::from(map == 3 || (map == 1 && (0x70..=0x73).contains(&opcode)));
        let from = if relative { code as usize + length + immediate } else { thread.general(base) };
        address = address.wrapping_add(from).wrapping_add_signed(displacement);
    }
    let immediate = byte(length);
    // SAFETY: the caller's promises.
    unsafe {
        let source = if mode == 3 {
            registers.read(thread, other)
        } else {
            let mut value = [0; 64];
            std::ptr::copy_nonoverlapping(address as *const u8, value.as_mut_ptr(), size);
            if broadcast {
                if wide {
                    return None; // of 64 bits
                }
                value = std::array::from_fn(|byte| value[byte % 4]);
            }
            value
        };
        let first = registers.read(thread, vvvv);
        let wrapping = |f: fn(i32, i32) -> i32| by_lane(&first, &source, f);
        let mut to = reg;
        let result = match (map, prefix, opcode) {
            // vmovups, vmovaps, vmovdqa, vmovdqu; loads, then stores
            (1, _, 0x10 | 0x28 | 0x6f) => source,
            (1, _, 0x11 | 0x29 | 0x7f) => {
                let value = registers.read(thread, reg);
                if mode == 3 {
                    to = other;
                } else {
                    std::ptr::copy_nonoverlapping(value.as_ptr(), address as *mut u8, 64);
                    to = usize::MAX;
                }
                value
            }
            (1, 1, 0xfe) => wrapping(i32::wrapping_add),
            (1, 1, 0xfa) => wrapping(i32::wrapping_sub),
            (1, 1, 0xfc) => by_byte(&first, &source, u8::wrapping_add),
            (1, 1, 0xf8) => by_byte(&first, &source, u8::wrapping_sub),
            (1, 1, 0xef) => by_byte(&first, &source, |a, b| a ^ b),
            (1, 1, 0xdb) => by_byte(&first, &source, |a, b| a & b),
            (1, 1, 0xeb) => by_byte(&first, &source, |a, b| a | b),
            (2, 1, 0x3d) => wrapping(i32::max),
            (2, 1, 0x39) => wrapping(i32::min),
            (2, 1, 0x40) if !wide => wrapping(i32::wrapping_mul),
            // vpsrad, vpslld by the number in the low half of a register
            (1, 1, 0xe2) if !wide => {
                let count = u64::from_le_bytes(std::array::from_fn(|byte| source[byte])).min(31);
                by_lane(&first, &first, |a, _| a >> count)
            }
            (1, 1, 0x72) if !wide => {
                (to, length) = (vvvv, length + 1);
                match digit {
                    2 => by_lane(&source, &source, |a, _| {
                        a.cast_unsigned().unbounded_shr(immediate.into()).cast_signed()
                    }),
                    4 => by_lane(&source, &source, |a, _| a >> immediate.min(31)),
                    6 => by_lane(&source, &source, |a, _| a.unbounded_shl(immediate.into())),
                    _ => return None,
                }
            }
            (1, 1, 0x71) => {
                (to, length) = (vvvv, length + 1);
                match digit {
                    2 => by_word(&source, |a| a.unbounded_shr(immediate.into())),
                    6 => by_word(&source, |a| a.unbounded_shl(immediate.into())),
                    _ => return None,
                }
            }
            // vpternlog
            (3, 1, 0x25) => {
                length += 1;
                let third = registers.read(thread, reg);
                std::array::from_fn(|byte| {
                    (0..8).fold(0, |bits, bit| {
                        let index =
                            (third[byte] >> bit & 1) << 2 | (first[byte] >> bit & 1) << 1 | source[byte] >> bit & 1;
                        bits | (immediate >> index & 1) << bit
                    })
                })
            }
            // vpshufb, within each sixteen bytes
            (2, 1, 0x00) => by_index(&first, &source),
            // vpmovzxbd
            (2, 1, 0x31) => of_lanes(std::array::from_fn(|lane| i32::from(source[lane]))),
            // vpmovdb
            (2, 2, 0x31) => {
                let value = registers.read(thread, reg);
                let bytes: [u8; 16] = std::array::from_fn(|lane| value[4 * lane]);
                let mut narrow = [0; 64];
                narrow[..16].copy_from_slice(&bytes);
                if mode == 3 {
                    to = other;
                } else {
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, 16);
                    to = usize::MAX;
                }
                narrow
            }
            // vpbroadcastd, vpbroadcastq, from memory or a vector
            (2, 1, 0x58) if !wide => std::array::from_fn(|byte| source[byte % 4]),
            (2, 1, 0x59) if wide => std::array::from_fn(|byte| source[byte % 8]),
            // from a general register
            (2, 1, 0x7c | 0x7a) if mode == 3 => {
                let value = thread.general(rm | inverted(1, 5, 3)).to_le_bytes();
                let bytes = if opcode == 0x7a {
                    1
                } else if wide {
                    8
                } else {
                    4
                };
                std::array::from_fn(|byte| value[byte % bytes])
            }
            (2, 1, 0x50) if !wide => {
                let mut sums = registers.read(thread, reg);
                dot(&mut sums, first, &source);
                sums
            }
            _ => return None,
        };
        if to != usize::MAX {
            registers.write(thread, to, result);
        }
        thread.go_on_at(code.add(length));
    }
    Some(())
}

fn by_index(table: &Vector, indices: &Vector) -> Vector {
    std::array::from_fn(|byte| {
        let index = indices[byte];
        if index < 128 { table[byte & !15 | usize::from(index & 15)] } else { 0 }
    })
}
