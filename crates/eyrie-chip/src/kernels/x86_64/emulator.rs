//! Runs the kernels of CPUs that this one is not: an instruction that it lacks ends in SIGILL, and
//! a handler does in software what the instruction would have done. So the very machine code of the
//! AVX-512, AMX and AVX-VNNI kernels is tested on every CPU with AVX2, its addresses, encodings and
//! registers included. Written after the Intel 64 and IA-32 Architectures Software Developer's
//! Manual, volume 2.
#![expect(unsafe_code, reason = "a signal handler that reads and writes the registers of the thread it interrupted")]

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::Once;

use crate::kernels::Kernels;

/// Kernels that this CPU lacks some instructions of, runnable all the same.
pub(in super::super) fn kernels() -> Vec<Kernels> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(install);
    let mut kernels = Vec::new();
    if super::avx2::is_supported() && !super::avxvnni::is_supported() {
        kernels.push(super::tables::AVX_VNNI);
    }
    if super::avx2::is_supported() && !super::avx512vnni::is_supported() {
        kernels.push(super::tables::AVX512_VNNI);
    }
    if super::avx2::is_supported() && !super::amx::is_supported() {
        kernels.push(super::tables::AMX);
    }
    kernels
}

fn install() {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) = on_illegal_instruction;
    // SAFETY: `sigaction` is a plain C struct for which zeros are valid; the handler has the
    // signature that SA_SIGINFO asks for and does nothing that is forbidden in a handler.
    unsafe {
        (*action.as_mut_ptr()).sa_sigaction = handler as usize;
        (*action.as_mut_ptr()).sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGILL, action.as_ptr(), std::ptr::null_mut()), 0);
    }
}

/// The tile registers of a thread.
struct Tiles {
    row_bytes: [usize; 8],
    rows: [usize; 8],
    data: [[[u8; 64]; 16]; 8],
}

thread_local! {
    static WIDE: UnsafeCell<evex::Registers> = const { UnsafeCell::new(evex::Registers::ZERO) };
    static TILES: UnsafeCell<Tiles> =
        const { UnsafeCell::new(Tiles { row_bytes: [0; 8], rows: [0; 8], data: [[[0; 64]; 16]; 8] }) };
}

extern "C" fn on_illegal_instruction(_: i32, _: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel hands a handler that asked for it the context of the interrupted thread.
    let mut thread = unsafe { Thread(&mut *context.cast::<libc::ucontext_t>()) };
    let done = TILES.with(|tiles| {
        // SAFETY: of this thread, and no emulated instruction is interrupted by another one.
        let tiles = unsafe { &mut *tiles.get() };
        // SAFETY: the instruction pointer of a thread that was just stopped at an instruction; its
        // operands are what the kernel under test gave the instruction, which the instruction
        // itself would access all the same.
        unsafe { emulate(&mut thread, tiles) }
    });
    let done = done.or_else(|| {
        WIDE.with(|registers| {
            // SAFETY: as above.
            unsafe { evex::emulate(&mut thread, &mut *registers.get()) }
        })
    });
    if done.is_none() {
        // SAFETY: gives the signal its default back, so that the instruction, run again, ends the
        // process as usual.
        unsafe { libc::signal(libc::SIGILL, libc::SIG_DFL) };
    }
}

/// Registers of the interrupted thread.
struct Thread<'a>(&'a mut libc::ucontext_t);

impl Thread<'_> {
    fn general(&self, number: usize) -> usize {
        const ORDER: [i32; 16] = [
            libc::REG_RAX,
            libc::REG_RCX,
            libc::REG_RDX,
            libc::REG_RBX,
            libc::REG_RSP,
            libc::REG_RBP,
            libc::REG_RSI,
            libc::REG_RDI,
            libc::REG_R8,
            libc::REG_R9,
            libc::REG_R10,
            libc::REG_R11,
            libc::REG_R12,
            libc::REG_R13,
            libc::REG_R14,
            libc::REG_R15,
        ];
        self.0.uc_mcontext.gregs[ORDER[number] as usize] as usize
    }

    fn instruction(&self) -> *const u8 {
        self.0.uc_mcontext.gregs[libc::REG_RIP as usize] as *const u8
    }

    fn go_on_at(&mut self, next: *const u8) {
        self.0.uc_mcontext.gregs[libc::REG_RIP as usize] = next as i64;
    }

    /// The low and the high half of a 256-bit register, in the XSAVE area of the signal frame
    /// (standard format: the low halves from byte 160 on, the header at 512, the high halves from
    /// 576 on).
    ///
    /// # Safety
    /// The frame must have an XSAVE area, which it has on every CPU with AVX.
    unsafe fn vector_halves(&mut self, number: usize) -> [*mut [u8; 16]; 2] {
        const AVX: u64 = 4;
        let area = self.0.uc_mcontext.fpregs.cast::<u8>();
        // SAFETY: within the area.
        unsafe {
            let present = area.add(512).cast::<u64>();
            if *present & AVX == 0 {
                area.add(576).write_bytes(0, 256);
            }
            // The x87 part is as it was; the vectors are those of the area from now on.
            *present |= AVX | 2;
            [area.add(160 + 16 * number).cast(), area.add(576 + 16 * number).cast()]
        }
    }

    unsafe fn vector(&mut self, number: usize) -> [u8; 32] {
        let mut value = [0; 32];
        // SAFETY: the caller's promise.
        unsafe {
            let [low, high] = self.vector_halves(number);
            value[..16].copy_from_slice(&*low);
            value[16..].copy_from_slice(&*high);
        }
        value
    }

    unsafe fn set_vector(&mut self, number: usize, value: &[u8; 32]) {
        // SAFETY: the caller's promise.
        unsafe {
            let [low, high] = self.vector_halves(number);
            (*low).copy_from_slice(&value[..16]);
            (*high).copy_from_slice(&value[16..]);
        }
    }
}

/// A memory operand: where it is, and what an index register adds for each row of a tile.
struct Memory {
    address: usize,
    stride: usize,
}

mod evex;

/// Does what the instruction does and moves on to the next one; `None` for one that is not known.
///
/// # Safety
/// The instruction pointer and the memory operands must be readable, and writable where the
/// instruction writes.
unsafe fn emulate(thread: &mut Thread<'_>, tiles: &mut Tiles) -> Option<()> {
    let code = thread.instruction();
    // SAFETY: an instruction has at most 15 bytes, and code does not end right behind one.
    let byte = |at: usize| unsafe { *code.add(at) };
    // Three-byte VEX: C4, inverted R X B and the map, W with inverted vvvv, L and the prefix, the
    // opcode, ModRM.
    if byte(0) != 0xc4 || byte(1) & 0x1f != 2 {
        return None;
    }
    let extended = |bit: u8| usize::from(!byte(1) >> bit & 1) << 3;
    let (vvvv, wide, prefix, opcode) = (usize::from(!byte(2) >> 3 & 15), byte(2) >> 2 & 1, byte(2) & 3, byte(3));
    let modrm = byte(4);
    let (mode, reg, rm) = (modrm >> 6, usize::from(modrm >> 3 & 7) | extended(7), usize::from(modrm & 7));
    let in_memory = mode != 3;
    let mut length = 5;
    let mut memory = Memory { address: 0, stride: 0 };
    if in_memory {
        let mut base = rm | extended(5);
        let mut has_base = !(mode == 0 && rm == 5);
        if rm == 4 {
            let sib = byte(length);
            length += 1;
            base = usize::from(sib & 7) | extended(5);
            has_base = !(mode == 0 && sib & 7 == 5);
            let index = usize::from(sib >> 3 & 7) | extended(6);
            if index != 4 {
                memory.stride = thread.general(index) << (sib >> 6);
            }
        } else if !has_base {
            return None; // relative to the instruction pointer: not in these kernels
        }
        let displacement = match mode {
            1 => isize::from(byte(length).cast_signed()),
            // SAFETY: the four bytes of the displacement.
            2 => unsafe { code.add(length).cast::<i32>().read_unaligned() as isize },
            _ if has_base => 0,
            _ => return None,
        };
        length += [0, 1, 4][usize::from(mode)];
        memory.address = thread.general(base).wrapping_add_signed(displacement);
    }
    let rows = |tile: usize, tiles: &Tiles| (0..tiles.rows[tile], tiles.row_bytes[tile]);
    match (opcode, prefix, in_memory) {
        // ldtilecfg
        (0x49, 0, true) => {
            let config = (memory.address + memory.stride) as *const u8;
            for tile in 0..8 {
                // SAFETY: the 64 bytes of a configuration.
                unsafe {
                    tiles.row_bytes[tile] = usize::from(config.add(16 + 2 * tile).cast::<u16>().read_unaligned());
                    tiles.rows[tile] = usize::from(*config.add(48 + tile));
                }
                if tiles.row_bytes[tile] > 64 || !(1..=16).contains(&tiles.rows[tile]) {
                    return None;
                }
            }
            tiles.data = [[[0; 64]; 16]; 8];
        }
        // tilerelease
        (0x49, 0, false) => tiles.rows = [0; 8],
        // tilezero
        (0x49, 3, false) => tiles.data[reg] = [[0; 64]; 16],
        // tileloadd
        (0x4b, 3, true) => {
            let (rows, bytes) = rows(reg, tiles);
            tiles.data[reg] = [[0; 64]; 16];
            for row in rows {
                let from = (memory.address + row * memory.stride) as *const u8;
                // SAFETY: a row of the operand.
                unsafe { std::ptr::copy_nonoverlapping(from, tiles.data[reg][row].as_mut_ptr(), bytes) };
            }
        }
        // tilestored
        (0x4b, 2, true) => {
            let (rows, bytes) = rows(reg, tiles);
            for row in rows {
                let to = (memory.address + row * memory.stride) as *mut u8;
                // SAFETY: a row of the operand.
                unsafe { std::ptr::copy_nonoverlapping(tiles.data[reg][row].as_ptr(), to, bytes) };
            }
        }
        // tdpbusd
        (0x5e, 1, false) => {
            let (unsigned, signed) = (rm | extended(5), vvvv);
            if tiles.rows[unsigned] != tiles.rows[reg] || tiles.rows[signed] * 4 != tiles.row_bytes[unsigned] {
                return None;
            }
            for row in 0..tiles.rows[reg] {
                let mut sums = tiles.data[reg][row];
                for group in 0..tiles.rows[signed] {
                    let four = &tiles.data[unsigned][row][4 * group..][..4];
                    dot(&mut sums, std::array::from_fn(|i| four[i % 4]), &tiles.data[signed][group]);
                }
                tiles.data[reg][row] = sums;
            }
        }
        // vpdpbusd ymm
        (0x50, 1, _) if wide == 1 => {
            // SAFETY: a CPU with AVX, whose frames have the area; the operand in memory has 32
            // bytes.
            unsafe {
                let mut sums = thread.vector(reg);
                let unsigned = thread.vector(vvvv);
                let signed = if in_memory {
                    ((memory.address + memory.stride) as *const [u8; 32]).read_unaligned()
                } else {
                    thread.vector(rm | extended(5))
                };
                dot(&mut sums, unsigned, &signed);
                thread.set_vector(reg, &sums);
            }
        }
        _ => return None,
    }
    // SAFETY: the next instruction.
    thread.go_on_at(unsafe { code.add(length) });
    Some(())
}

/// Adds the four products of each 32-bit lane to the lane.
fn dot<const N: usize>(sums: &mut [u8; N], unsigned: [u8; N], signed: &[u8; N]) {
    for (lane, sum) in sums.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let products = (4 * lane..4 * lane + 4).map(|i| i32::from(unsigned[i]) * i32::from(signed[i].cast_signed()));
        *sum = i32::from_le_bytes(*sum).wrapping_add(products.sum()).to_le_bytes();
    }
}
