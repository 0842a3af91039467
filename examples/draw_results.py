#!/usr/bin/env python3
"""Draws a query with its best results, their scores, and the outline of what matches.

    examples/draw_results.py photo.jpg results.png -k 7 --collection covers
"""

import argparse
import io
import os
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from PIL import Image, ImageOps

from eyrie_client import Eyrie

GREEN = "#1fbf72"


def outline(axes: Axes, quad: list[list[float]], picture: Image.Image) -> None:
    """Draws corners that are given in fractions of the picture."""
    corners = [(x * picture.width, y * picture.height) for x, y in quad]
    axes.add_patch(Polygon(corners, closed=True, fill=False, edgecolor=GREEN, linewidth=2.5))


def show(axes: Axes, picture: Image.Image, title: str, colour: str = "black") -> None:
    axes.imshow(picture)
    axes.set_xlim(-0.5, picture.width - 0.5)
    axes.set_ylim(picture.height - 0.5, -0.5)
    axes.set_title(title, fontsize=9, color=colour)
    axes.axis("off")


def draw(eyrie: Eyrie, query: Path, target: Path, k: int) -> list[dict[str, Any]]:
    """Searches and writes the drawing; returns the results."""
    hits: list[dict[str, Any]] = list(eyrie.search(query, k=k)["results"])
    columns = min(4, len(hits) + 1)
    rows = -(-(len(hits) + 1) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(3.2 * columns, 3.2 * rows), squeeze=False)
    places = iter(grid.flat)
    with Image.open(query) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    axes = next(places)
    show(axes, picture, f"query: {query.name}")
    for hit in hits:
        if "match" in hit:
            outline(axes, hit["match"]["quad_in_query"], picture)
    for hit in hits:
        axes = next(places)
        small = Image.open(io.BytesIO(eyrie.thumbnail(hit["id"]))).convert("RGB")
        verified = hit.get("verified", False)
        title = f"{hit['rank']}. {hit['id']}\n{hit['score']:.3f} {hit['verdict'].replace('_', ' ')}"
        show(axes, small, title, GREEN if verified else "black")
        if "match" in hit:
            outline(axes, hit["match"]["quad_in_result"], small)
    for axes in places:
        axes.axis("off")
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    plt.close(figure)
    return hits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("query", type=Path)
    parser.add_argument("target", type=Path, help="PNG, SVG or PDF")
    parser.add_argument("-k", type=int, default=7, help="how many results")
    parser.add_argument("--url", default=os.environ.get("EYRIE_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--collection", default="default")
    arguments = parser.parse_args()
    with Eyrie(arguments.url, collection=arguments.collection) as eyrie:
        hits = draw(eyrie, arguments.query, arguments.target, arguments.k)
    print(f"{len(hits)} results in {arguments.target}")


if __name__ == "__main__":
    main()
