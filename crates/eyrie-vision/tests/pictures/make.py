#!/usr/bin/env python3
"""Makes the files of this folder again, and what reference decoders show for them.

    apt-get install libjpeg-turbo-progs libavif-bin libjxl-tools libtiff-tools
    pip install pillow
    ./make.py

Everything comes from one synthetic picture. What no encoder writes is made by editing bytes. `files/NAME` is shown as
`expected/NAME.png`, which Pillow (for JPEG libjpeg-turbo, for AVIF libavif; for JPEG XL djxl) made, or the source itself where Pillow cannot
read the file; main.rs has the table. `matrix.zlib` holds the sampling matrix of JPEG, see `matrix()`.
"""

import io
import os
import shutil
import struct
import subprocess
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageCms, ImageSequence

HERE = os.path.dirname(os.path.abspath(__file__))
TEMP = tempfile.mkdtemp()


def picture(width, height):
    """Gradients, a disc and a corner: smooth enough for coarse chroma, and different in every direction."""
    image = Image.new("RGB", (width, height))
    for y in range(height):
        for x in range(width):
            fx, fy = x / width, y / height
            colour = (40 + 180 * fx, 220 - 170 * fy, 60 + 150 * fx * fy)
            if ((fx - 0.62) * width / height) ** 2 + (fy - 0.38) ** 2 < 0.045:
                colour = (220, 60, 40)
            if fx < 0.45 and fy > 0.58:
                colour = (30, 70 + 60 * fx, 190)
            image.putpixel((x, y), tuple(int(c) for c in colour))
    return image


SOURCE = picture(80, 60)
ALPHA = Image.new("L", SOURCE.size)
ALPHA.putdata([min(255, 3 * x + y) for y in range(60) for x in range(80)])
RGBA = SOURCE.copy()
RGBA.putalpha(ALPHA)
WHITE = Image.new("RGB", SOURCE.size, "white")


def run(*command, data=None):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def temp(name, data):
    path = os.path.join(TEMP, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def shown(data):
    """What Pillow shows: upright is left to the caller, transparency over white."""
    image = Image.open(io.BytesIO(data))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    if image.mode.startswith("I;16"):
        return image.point(lambda v: v / 257).convert("L").convert("RGB")
    return image.convert("RGB")


def write(name, data, expected=None):
    """`expected`: an image, or None for what Pillow shows, or "refused"."""
    with open(os.path.join(HERE, "files", name), "wb") as file:
        file.write(data)
    if isinstance(expected, str):
        return
    (expected or shown(data)).save(os.path.join(HERE, "expected", name + ".png"), optimize=True)


# --- JPEG ---

def ppm(image):
    return saved(image, "PPM")


def cjpeg(*options, image=SOURCE):
    return run("cjpeg", "-quality", "90", *options, data=ppm(image))


def scans(text):
    return temp("scans", text.replace(";", ";\n").encode())


def segment(marker, payload):
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def exif(orientation):
    return b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([orientation, 0, 0, 0]) + bytes(4)


def behind_soi(jpeg, *segments):
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def xyz(*values):
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def profile(red, green, blue, gamma):
    """A matrix profile of version 2; colorants relative to D50."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78 + 3)
    tags = [
        (b"desc", text), (b"cprt", b"text\0\0\0\0none"), (b"wtpt", xyz(0.9642, 1, 0.8249)),
        (b"rXYZ", xyz(*red)), (b"gXYZ", xyz(*green)), (b"bXYZ", xyz(*blue)),
        (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve),
    ]
    offset, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags:
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"test", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += b"".join(struct.pack(">i", round(v * 65536)) for v in (0.9642, 1, 0.8249))
    return head + bytes(128 - len(head)) + table + body


ADOBE_RGB = profile((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), 2.19921875)
WIDE = profile((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407), 2.2)


def in_srgb(image, icc):
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), 1, outputMode="RGB")


def one_quantiser(jpeg):
    """The same, with one number for all quantisation tables: that of chroma comes between the scans."""
    at, tables, out, scans_seen = 2, {}, jpeg[:2], 0
    while jpeg[at + 1] != 0xD9:
        marker, (length,) = jpeg[at + 1], struct.unpack(">H", jpeg[at + 2:at + 4])
        payload = jpeg[at + 4:at + 2 + length]
        end = at + 2 + length
        if marker == 0xDB:
            while payload:
                tables[payload[0]], payload = payload[1:65], payload[65:]
            at = end
            continue
        if marker == 0xC0:
            payload = payload[:6] + b"".join(payload[i:i + 2] + b"\0" for i in range(6, 15, 3))
        if marker == 0xDA:
            if scans_seen < 2:
                out += segment(0xDB, b"\0" + tables[scans_seen])
            scans_seen += 1
            while not (jpeg[end] == 0xFF and jpeg[end + 1] != 0):
                end += 1
            out += segment(marker, payload) + jpeg[at + 2 + length:end]
        else:
            out += segment(marker, payload)
        at = end
    return out + b"\xff\xd9"


def jpegs():
    base = cjpeg()
    separate = scans("0;1;2;")
    write("jpeg_420.jpg", base)
    write("jpeg_one_scan_a_component.jpg", cjpeg("-scans", separate))
    write("jpeg_one_scan_a_component_restart.jpg", cjpeg("-scans", separate, "-restart", "3B"))
    write("jpeg_tables_between_scans.jpg", one_quantiser(cjpeg("-scans", separate)))
    write("jpeg_444_two_scans.jpg", cjpeg("-sample", "1x1", "-scans", scans("0;1,2;")))
    write("jpeg_progressive.jpg", cjpeg("-progressive"))
    write("jpeg_grey.jpg", cjpeg("-grayscale"))
    write("jpeg_grey_2x2.jpg", cjpeg("-grayscale", "-sample", "2x2"))
    write("jpeg_rgb.jpg", saved(SOURCE, "JPEG", quality=90, keep_rgb=True))
    write("jpeg_cmyk.jpg", saved(SOURCE.convert("CMYK"), "JPEG", quality=90))
    write("jpeg_two_exif.jpg", behind_soi(base, segment(0xE1, b"Exif\0\0" + exif(6)), segment(0xE1, b"Exif\0\0" + exif(1))),
          shown(base).transpose(Image.Transpose.ROTATE_270))
    write("jpeg_short_app14.jpg", behind_soi(base, segment(0xEE, b"Adobe")), shown(base))
    write("jpeg_no_eoi.jpg", base[:-2], shown(base))
    write("jpeg_zeros_for_eoi.jpg", base[:-2] + bytes(2), shown(base))
    write("jpeg_padded_with_zeros.jpg", base[:-2] + bytes(512), shown(base))
    write("jpeg_stray_bytes.jpg", base[:20] + b"\0\1\2" + base[20:], shown(base))
    blank = saved(WHITE, "JPEG", optimize=True)
    write("jpeg_blank_optimised_no_eoi.jpg", blank[:-2], shown(blank))
    write("jpeg_cut_closed_with_eoi.jpg", base[: len(base) * 2 // 3] + b"\xff\xd9", "refused")
    write("jpeg_tail_of_zeros.jpg", base[: len(base) * 2 // 3] + bytes(len(base) // 3), "refused")
    write("jpeg_tail_of_zeros_eoi.jpg", base[: len(base) * 2 // 3] + bytes(len(base) // 3) + b"\xff\xd9", "refused")
    progressive = cjpeg("-progressive")
    write("jpeg_progressive_cut_closed_with_eoi.jpg", progressive[: len(progressive) // 2] + b"\xff\xd9", "refused")
    for name, icc in (("adobe_rgb", ADOBE_RGB), ("wide", WIDE)):
        data = saved(SOURCE, "JPEG", quality=90, icc_profile=icc)
        write(f"jpeg_profile_{name}.jpg", data, in_srgb(shown(data), icc))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write("jpeg_profile_srgb.jpg", saved(SOURCE, "JPEG", quality=90, icc_profile=srgb))
    write("jpeg_profile_broken.jpg", saved(SOURCE, "JPEG", quality=90, icc_profile=WIDE[:200]))
    write("jpeg_profile_of_grey.jpg", saved(SOURCE, "JPEG", quality=90, icc_profile=WIDE[:16] + b"GRAY" + WIDE[20:]))


# --- PNG ---

def chunk(kind, payload):
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def with_chunk(png, *chunks):
    return png[:33] + b"".join(chunks) + png[33:]


def star(size, points):
    """A white shape on transparency; the colour below it is white too."""
    image = Image.new("RGBA", size, (255, 255, 255, 0))
    for y in range(size[1]):
        for x in range(size[0]):
            if any(abs(x - px) + abs(y - py) < r for px, py, r in points):
                image.putpixel((x, y), (255, 255, 255, 255))
    return image


def pngs():
    base = saved(SOURCE, "PNG")
    write("png_rgb.png", base)
    write("png_rgba.png", saved(RGBA, "PNG"))
    write("png_palette_transparent.png", saved(SOURCE.quantize(64), "PNG", transparency=3))
    write("png_grey_alpha.png", saved(RGBA.convert("LA"), "PNG"))
    write("png_one_bit.png", saved(SOURCE.convert("1"), "PNG"))
    write("png_no_iend.png", base[:-12], SOURCE)
    write("png_cut.png", base[: len(base) // 2], "refused")
    write("png_exif.png", saved(SOURCE, "PNG", exif=exif(8)), SOURCE.transpose(Image.Transpose.ROTATE_90))
    write("png_profile_wide.png", saved(SOURCE, "PNG", icc_profile=WIDE), in_srgb(SOURCE, WIDE))
    bomb = zlib.compress(bytes(64 << 20), 9)
    write("png_profile_bomb.png", with_chunk(base, chunk(b"iCCP", b"bomb\0\0" + bomb)), SOURCE)
    write("png_text_bomb.png", with_chunk(base, chunk(b"zTXt", b"bomb\0\0" + bomb)), SOURCE)
    for name, points in (("one", [(30, 30, 20)]), ("two", [(20, 40, 15), (60, 20, 12)])):
        shape = star(SOURCE.size, points)
        write(f"png_white_shape_{name}.png", saved(shape, "PNG"),
              Image.alpha_composite(Image.new("RGBA", shape.size, "black"), shape).convert("RGB"))


# --- GIF ---

def gifs():
    colours = SOURCE.quantize(64, dither=Image.Dither.NONE)
    base = saved(colours, "GIF")
    right = colours.convert("RGB")
    descriptor = base.index(b"\x2c\0\0\0\0" + struct.pack("<HH", *SOURCE.size))
    screen = lambda w, h: base[:6] + struct.pack("<HH", w, h) + base[10:]
    write("gif.gif", base, right)
    write("gif_no_trailer.gif", base[:-1], right)
    write("gif_zeros_for_trailer.gif", base[:-1] + bytes(4), right)
    write("gif_zero_block.gif", base[:-1] + b"\0\x3b", right)
    write("gif_unknown_extension.gif", base[:descriptor] + b"\x21\x2a\x03abc\0" + base[descriptor:], right)
    write("gif_frame_larger_than_screen.gif", screen(30, 20), right)
    write("gif_no_screen.gif", screen(0, 0), right)
    larger = Image.new("RGB", (100, 90), "white")
    larger.paste(right, (7, 11))
    moved = base[:6] + struct.pack("<HH", 100, 90) + base[10:descriptor] + b"\x2c" + struct.pack("<HH", 7, 11) + base[descriptor + 5:]
    write("gif_frame_in_larger_screen.gif", moved, larger)
    frames = [colours, Image.new("P", SOURCE.size)]
    write("gif_animated_cut_in_second_frame.gif", saved(frames[0], "GIF", save_all=True, append_images=frames[1:])[:-20], right)
    write("gif_cut.gif", base[: len(base) // 2], "refused")


# --- WebP ---

def webps():
    write("webp_lossless_alpha.webp", saved(RGBA, "WEBP", lossless=True, exact=True))
    prefixed = saved(SOURCE.transpose(Image.Transpose.ROTATE_90), "WEBP", lossless=True, exif=b"Exif\0\0" + exif(6))
    write("webp_exif_prefix.webp", prefixed, SOURCE)
    write("webp_profile_wide.webp", saved(SOURCE, "WEBP", lossless=True, icc_profile=WIDE), in_srgb(SOURCE, WIDE))
    animated = saved(SOURCE, "WEBP", lossless=True, save_all=True, append_images=[WHITE])
    write("webp_animated.webp", animated, SOURCE)
    lossy = saved(SOURCE, "WEBP", quality=90)
    write("webp_lossy.webp", lossy)
    write("webp_cut.webp", lossy[: len(lossy) // 2], "refused")


# --- TIFF ---

def tiff(width, height, parts, tags, big_endian=False, tiles=None):
    """A TIFF of strips or tiles whose samples are given; `tags`: number -> (type, values)."""
    end = ">" if big_endian else "<"
    out = bytearray((b"MM\0*" if big_endian else b"II*\0") + bytes(4))
    offsets = []
    for part in parts:
        offsets.append(len(out))
        out += part + bytes(len(part) % 2)
    counts = tags.pop("counts", [len(part) for part in parts])
    rows = tags.pop("rows", height)
    entries = {256: (4, [width]), 257: (4, [height]), 259: (3, [1]), 277: (3, [3]), 284: (3, [1])}
    if tiles:
        entries |= {322: (4, [tiles]), 323: (4, [tiles]), 324: (4, offsets), 325: (4, counts)}
    else:
        entries |= {273: (4, offsets), 278: (4, [rows]), 279: (4, counts)}
    entries |= tags
    records = b""
    for tag, (kind, values) in sorted(entries.items()):
        code = {3: "H", 4: "I", 7: "B"}[kind]
        data = struct.pack(f"{end}{len(values)}{code}", *values)
        if len(data) > 4:
            at = len(out)
            out += data + bytes(len(data) % 2)
            data = struct.pack(f"{end}I", at)
        records += struct.pack(f"{end}HHI", tag, kind, len(values)) + data.ljust(4, b"\0")
    out[4:8] = struct.pack(f"{end}I", len(out))
    return bytes(out) + struct.pack(f"{end}H", len(entries)) + records + bytes(4)


def packed(image, bits):
    """Samples of a one-channel image in `bits` bits, rows filled up to whole bytes."""
    width, height = image.size
    out = bytearray()
    for y in range(height):
        text = "".join(format(image.getpixel((x, y)), f"0{bits}b") for x in range(width))
        text += "0" * (-len(text) % 8)
        out += int(text, 2).to_bytes(len(text) // 8, "big")
    return bytes(out)


def reverse(data):
    return bytes(int(format(byte, "08b")[::-1], 2) for byte in data)


def tiffs():
    width, height = SOURCE.size
    rgb = SOURCE.tobytes()
    three = {258: (3, [8, 8, 8]), 262: (3, [2])}
    grey = SOURCE.convert("L")
    over_white = Image.alpha_composite(Image.new("RGBA", SOURCE.size, "white"), RGBA).convert("RGB")
    write("tiff_rgb_big_endian.tif", tiff(width, height, [rgb], dict(three), True), SOURCE)
    multiplied = bytes((c * a + 127) // 255 if i < 3 else a for p in RGBA.getdata() for i, (c, a) in enumerate(zip(p, [p[3]] * 4)))
    four = {258: (3, [8] * 4), 262: (3, [2]), 277: (3, [4])}
    write("tiff_associated_alpha.tif", tiff(width, height, [multiplied], four | {338: (3, [1])}), over_white)
    write("tiff_straight_alpha.tif", tiff(width, height, [RGBA.tobytes()], four | {338: (3, [2])}), over_white)
    write("tiff_fourth_sample_of_no_meaning.tif", tiff(width, height, [RGBA.tobytes()], four | {338: (3, [0])}), SOURCE)
    bilevel = SOURCE.convert("1")
    bits = bilevel.tobytes()
    one = {258: (3, [1]), 262: (3, [1]), 277: (3, [1])}
    write("tiff_one_bit.tif", tiff(width, height, [bits], dict(one)), bilevel.convert("RGB"))
    write("tiff_one_bit_fill_order_2.tif", tiff(width, height, [reverse(bits)], one | {266: (3, [2])}), bilevel.convert("RGB"))
    write("tiff_white_is_zero.tif", tiff(width, height, [bytes(~b & 255 for b in bits)], one | {262: (3, [0])}), bilevel.convert("RGB"))
    for name, options in (("group_4", ["g4"]), ("group_4_fill_order_2", ["g4"]), ("group_3", ["g3:1d:fill"])):
        source, target = temp("in.tif", saved(bilevel, "TIFF")), os.path.join(TEMP, "out.tif")
        order = ["-f", "lsb2msb"] if "order" in name else []
        run("tiffcp", *order, "-c", *options, source, target)
        with open(target, "rb") as file:
            write(f"tiff_{name}.tif", file.read(), bilevel.convert("RGB"))
    for depth in (2, 4):
        levels = grey.point(lambda v: v >> (8 - depth))
        write(f"tiff_grey_{depth}.tif", tiff(width, height, [packed(levels, depth)], {258: (3, [depth]), 262: (3, [1]), 277: (3, [1])}),
              levels.point(lambda v: v * 255 // ((1 << depth) - 1)).convert("RGB"))
        indices = SOURCE.quantize(1 << depth, dither=Image.Dither.NONE)
        colours = (indices.getpalette() + [0] * 768)[: 3 << depth]
        map16 = [colours[3 * i + c] * 257 for c in range(3) for i in range(1 << depth)]
        tags = {258: (3, [depth]), 262: (3, [3]), 277: (3, [1]), 320: (3, map16)}
        write(f"tiff_palette_{depth}.tif", tiff(width, height, [packed(indices, depth)], tags), indices.convert("RGB"))
    indices = SOURCE.quantize(256)
    write("tiff_palette_8.tif", saved(indices, "TIFF", compression="tiff_lzw"), indices.convert("RGB"))
    for name, code, scale in (("16", "H", lambda v: v * 257), ("uint32", "I", lambda v: v * 0x01010101)):
        samples = struct.pack(f"<{len(rgb)}{code}", *map(scale, rgb))
        depth = 16 if name == "16" else 32
        tags = {258: (3, [depth] * 3), 262: (3, [2]), 259: (3, [8])}
        write(f"tiff_rgb_{name}.tif", tiff(width, height, [zlib.compress(samples)], tags), SOURCE)
    signed = struct.pack(f"<{len(rgb)}i", *(v * 0x01010101 - (1 << 31) for v in rgb))
    tags = {258: (3, [32] * 3), 262: (3, [2]), 259: (3, [8]), 339: (3, [2] * 3)}
    write("tiff_rgb_int32.tif", tiff(width, height, [zlib.compress(signed)], tags), SOURCE)
    floats = struct.pack(f"<{len(rgb)}f", *(v / 255 for v in rgb))
    write("tiff_rgb_float.tif", tiff(width, height, [zlib.compress(floats)], tags | {339: (3, [3] * 3)}), SOURCE)
    ycc = SOURCE.convert("YCbCr")
    back = ycc.convert("RGB")
    write("tiff_ycbcr.tif", tiff(width, height, [ycc.tobytes()], three | {262: (3, [6]), 530: (3, [1, 1])}), back)
    luma, cb, cr = ycc.split()
    small = [c.resize((width // 2, height // 2), Image.Resampling.BOX) for c in (cb, cr)]
    units = bytearray()
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            units += bytes(luma.getpixel((x + dx, y + dy)) for dy in (0, 1) for dx in (0, 1))
            units += bytes(c.getpixel((x // 2, y // 2)) for c in small)
    large = [c.resize((width, height), Image.Resampling.NEAREST) for c in small]
    write("tiff_ycbcr_420.tif", tiff(width, height, [bytes(units)], three | {262: (3, [6]), 530: (3, [2, 2])}),
          Image.merge("YCbCr", [luma, *large]).convert("RGB"))
    planes = [band.tobytes() for band in SOURCE.split()]
    write("tiff_planar.tif", tiff(width, height, planes, three | {284: (3, [2])}), SOURCE)

    def tiled(image):
        parts = []
        for y in range(0, height, 32):
            for x in range(0, width, 32):
                tile = Image.new(image.mode, (32, 32))
                tile.paste(image.crop((x, y, min(x + 32, width), min(y + 32, height))), (0, 0))
                parts.append(tile.tobytes())
        return parts

    write("tiff_tiled.tif", tiff(width, height, tiled(SOURCE), dict(three), tiles=32), SOURCE)
    all_planes = [tile for band in SOURCE.split() for tile in tiled(band)]
    write("tiff_tiled_planar.tif", tiff(width, height, all_planes, three | {284: (3, [2])}, tiles=32), SOURCE)
    strips = [rgb[: 40 * width * 3], rgb[40 * width * 3:]]
    too_long = tiff(width, height, strips, three | {"rows": 40, "counts": [len(strips[0]), 1 << 20]})
    write("tiff_byte_counts_too_large.tif", too_long, SOURCE)
    write("tiff_cut.tif", tiff(width, height, [rgb[: len(rgb) // 2]], three | {"counts": [len(rgb)]}, True)[:-1], "refused")
    cut = tiff(width, height, [rgb], dict(three))
    # The directory in front, so that cutting the tail takes rows away.
    front = bytearray(cut[:8] + cut[8 + len(rgb):] + rgb)
    front[4:8] = struct.pack("<I", struct.unpack("<I", cut[4:8])[0] - len(rgb))
    write("tiff_rows_missing.tif", cut_rows(bytes(front), len(rgb)), "refused")
    write("tiff_cmyk.tif", saved(SOURCE.convert("CMYK"), "TIFF", compression="tiff_lzw"))
    write("tiff_jpeg.tif", saved(SOURCE, "TIFF", compression="jpeg", quality=95))
    write("tiff_big.tif", saved(SOURCE, "TIFF", big_tiff=True, compression="tiff_adobe_deflate"), SOURCE)
    write("tiff_lzw_predictor.tif", saved(SOURCE, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}), SOURCE)
    write("tiff_profile_wide.tif", saved(SOURCE, "TIFF", icc_profile=WIDE, compression="tiff_lzw"), in_srgb(SOURCE, WIDE))
    write("tiff_orientation_6.tif", saved(SOURCE, "TIFF", tiffinfo={274: 6}, compression="tiff_lzw"),
          SOURCE.transpose(Image.Transpose.ROTATE_270))
    write("tiff_lab.tif", tiff(width, height, [rgb], three | {262: (3, [8])}), "refused")
    write("tiff_12_bit.tif", tiff(width, height, [rgb], {258: (3, [12] * 3), 262: (3, [2])}), "refused")


def cut_rows(data, length):
    """Strip offsets point behind where the tail is cut."""
    at = data.index(struct.pack("<HHI", 273, 4, 1)) + 8
    moved = data[:at] + struct.pack("<I", len(data) - length) + data[at + 4:]
    return moved[: len(moved) - length // 3]


# --- AVIF and others ---

def avifs():
    source = temp("source.png", saved(SOURCE, "PNG"))
    alpha = temp("alpha.png", saved(RGBA, "PNG"))
    target = os.path.join(TEMP, "out.avif")

    def avif(path, *options):
        run("avifenc", "--min", "5", "--max", "15", "-s", "8", *options, path, target)
        with open(target, "rb") as file:
            return file.read()

    for name, options in (
        ("420", ["-y", "420"]), ("422", ["-y", "422"]), ("444", ["-y", "444"]), ("grey", ["-y", "400"]),
        ("10_bit", ["-d", "10", "-y", "420"]), ("12_bit", ["-d", "12", "-y", "444"]), ("limited", ["-r", "limited"]),
        ("bt709", ["--cicp", "1/13/1"]),
    ):
        write(f"avif_{name}.avif", avif(source, *options))
    write("avif_identity.avif", avif(source, "-y", "444", "--lossless"), SOURCE)
    write("avif_alpha.avif", avif(alpha, "--minalpha", "0", "--maxalpha", "0"))
    plain = shown(avif(source))
    mirror = Image.Transpose.FLIP_TOP_BOTTOM
    write("avif_rotated.avif", avif(source, "--irot", "1"), plain.transpose(Image.Transpose.ROTATE_90))
    write("avif_mirrored.avif", avif(source, "--imir", "0"), plain.transpose(mirror))
    write("avif_rotated_mirrored.avif", avif(source, "--irot", "1", "--imir", "0"),
          plain.transpose(Image.Transpose.ROTATE_90).transpose(mirror))
    base = avif(source)
    write("avif_brand_mif1.avif", base.replace(b"ftypavif", b"ftypmif1", 1), plain)
    write("avif_profile_wide.avif", saved(SOURCE, "AVIF", quality=95, icc_profile=WIDE),
          in_srgb(shown(saved(SOURCE, "AVIF", quality=95)), WIDE))
    write("avif_cut.avif", base[: len(base) * 2 // 3], "refused")
    frames = saved(SOURCE, "AVIF", quality=90, save_all=True, append_images=[WHITE])
    write("avif_animated.avif", frames, next(ImageSequence.Iterator(Image.open(io.BytesIO(frames)))).convert("RGB"))


def jxls():
    def jxl(data, kind, *options):
        target = os.path.join(TEMP, "out.jxl")
        run("cjxl", "--quiet", *options, temp("source." + kind, data), target)
        with open(target, "rb") as file:
            return file.read()

    def djxl(data):
        target = os.path.join(TEMP, "seen.png")
        run("djxl", "--quiet", temp("seen.jxl", data), target)
        with open(target, "rb") as file:
            return shown(file.read())

    source, lossy = saved(SOURCE, "PNG"), cjpeg()
    deep = Image.frombytes("I;16", SOURCE.size, b"".join(struct.pack("<H", 257 * v) for v in SOURCE.convert("L").tobytes()))
    for name, data in (
        ("lossy", jxl(source, "png", "-d", "1")), ("lossy_alpha", jxl(saved(RGBA, "PNG"), "png", "-d", "0.5")),
        ("lossy_grey", jxl(saved(SOURCE.convert("L"), "PNG"), "png", "-d", "1")),
        ("progressive", jxl(saved(picture(600, 300), "PNG"), "png", "-d", "1", "-p")), ("from_jpeg", jxl(lossy, "jpg", "-j", "1")),
        ("orientation_6", jxl(behind_soi(lossy, segment(0xE1, b"Exif\0\0" + exif(6))), "jpg", "-j", "1")),
    ):
        write(f"jxl_{name}.jxl", data, djxl(data))
    write("jxl_lossless.jxl", jxl(source, "png", "-d", "0"), SOURCE)
    write("jxl_lossless_alpha.jxl", jxl(saved(RGBA, "PNG"), "png", "-d", "0"), shown(saved(RGBA, "PNG")))
    write("jxl_lossless_grey.jxl", jxl(saved(SOURCE.convert("L"), "PNG"), "png", "-d", "0"), SOURCE.convert("L").convert("RGB"))
    write("jxl_16_bit.jxl", jxl(saved(deep, "PNG"), "png", "-d", "0"), SOURCE.convert("L").convert("RGB"))
    write("jxl_palette.jxl", jxl(saved(SOURCE.quantize(16).convert("RGB"), "PNG"), "png", "-d", "0"),
          SOURCE.quantize(16).convert("RGB"))
    write("jxl_container.jxl", jxl(source, "png", "-d", "0", "--container", "1"), SOURCE)
    write("jxl_profile_wide.jxl", jxl(saved(SOURCE, "PNG", icc_profile=WIDE), "png", "-d", "0"), in_srgb(SOURCE, WIDE))
    frames = saved(SOURCE, "PNG", save_all=True, append_images=[WHITE], duration=100)
    animated = jxl(frames, "apng", "-d", "0")
    write("jxl_animated.jxl", animated, SOURCE)
    base = jxl(source, "png", "-d", "1")
    write("jxl_cut.jxl", base[: len(base) * 2 // 3], "refused")
    lossless = jxl(source, "png", "-d", "0", "--container", "1")
    write("jxl_container_cut.jxl", lossless[: len(lossless) * 2 // 3], "refused")


def others():
    write("bmp_24.bmp", saved(SOURCE, "BMP"))
    write("bmp_palette.bmp", saved(SOURCE.quantize(64), "BMP"))
    write("pnm_ppm.ppm", ppm(SOURCE))
    write("pnm_pgm.pgm", saved(SOURCE.convert("L"), "PPM"))
    write("pnm_pbm.pbm", saved(SOURCE.convert("1"), "PPM"))
    write("ico_png.ico", saved(RGBA.crop((0, 0, 48, 48)), "ICO", sizes=[(16, 16), (48, 48)]))
    write("ico_bmp.ico", saved(RGBA.crop((0, 0, 48, 48)), "ICO", sizes=[(48, 48)], bitmap_format="bmp"))
    write("dds.dds", saved(RGBA, "DDS"), "refused")
    write("tga.tga", saved(SOURCE, "TGA"), "refused")


# --- The sampling matrix ---

MATRIX_SIZE = (37, 29)
VARIANTS = {
    "base": [], "non_restart": ["-scans", "0;1;2;", "-restart", "3B"], "mixed_restart": ["-scans", "0,2;1;", "-restart", "1B"],
    "progressive": ["-progressive"],
    # Of those whose two chroma components are sampled alike.
    "base_restart": ["-restart", "2B"], "non": ["-scans", "0;1;2;"], "mixed": ["-scans", "0;1,2;"],
    "progressive_restart": ["-progressive", "-restart", "5B"],
    "progressive_apart": ["-scans", "0:0-0,0,1;1:0-0,0,1;2:0-0,0,1;0:1-63,0,0;1:1-63,0,0;2:1-63,0,0;0:0-0,1,0;1,2:0-0,1,0;"],
}


def matrix():
    """All samplings of three components that browsers open: factors of 1 to 4 that divide the largest ones, at most ten blocks
    in a unit. `matrix.zlib`, inflated, is for each sampling: the six factors; every third pixel of every third row as djpeg shows it;
    a count; and each file with its length (32 bits, little-endian) before it."""
    source = ppm(picture(*MATRIX_SIZE))
    factors = [(h, v) for h in range(1, 5) for v in range(1, 5)]
    samplings = [
        (a, b, c) for a in factors for b in factors for c in factors
        if sum(h * v for h, v in (a, b, c)) <= 10
        and all(max(f[i] for f in (a, b, c)) % f[i] == 0 for f in (a, b, c) for i in (0, 1))
    ]

    def files(sampling):
        names = list(VARIANTS)[: None if sampling[1] == sampling[2] else 4]
        text = ",".join(f"{h}x{v}" for h, v in sampling)
        made = []
        for name in names:
            options = list(VARIANTS[name])
            if "-scans" in options:
                at = options.index("-scans") + 1
                path = os.path.join(TEMP, name + ".scans")
                if not os.path.exists(path):
                    temp(name + ".scans", options[at].replace(";", ";\n").encode())
                options[at] = path
            made.append(run("cjpeg", "-quality", "85", "-sample", text, *options, data=source))
        reference = Image.open(io.BytesIO(run("djpeg", "-dct", "int", data=made[0])))
        sampled = bytes(
            v for y in range(0, MATRIX_SIZE[1], 3) for x in range(0, MATRIX_SIZE[0], 3) for v in reference.getpixel((x, y))
        )
        head = bytes(v for factor in sampling for v in factor) + sampled + bytes([len(made)])
        return head + b"".join(struct.pack("<I", len(file)) + file for file in made)

    with ThreadPoolExecutor(2) as pool:
        everything = b"".join(pool.map(files, samplings))
    with open(os.path.join(HERE, "matrix.zlib"), "wb") as file:
        file.write(zlib.compress(everything, 9))


if __name__ == "__main__":
    for folder in ("files", "expected"):
        shutil.rmtree(os.path.join(HERE, folder), ignore_errors=True)
        os.makedirs(os.path.join(HERE, folder))
    jpegs()
    pngs()
    gifs()
    webps()
    tiffs()
    avifs()
    jxls()
    others()
    matrix()
    shutil.rmtree(TEMP)
