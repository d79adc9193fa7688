"""Take the pictures of the README and of docs/: `python docs/take_screenshots.py http://127.0.0.1:8000`.

Needs a running page with the demo in it, playwright, and a Chromium on PATH or named in CHROMIUM.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import struct
import zlib
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
SCREENS = {"phone": (320, 640), "desktop": (1280, 800)}
STORY_MONTH = "/history/2013/11"
STORY_ZONE = "Europe/Amsterdam"

# In the browser, because it decodes pictures and counts four million pixels in an instant: the 256 colours most used,
# and for each pixel the nearest of them.
REDUCE = """
async (source) => {
  const picture = await createImageBitmap(await (await fetch(source)).blob());
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  context.drawImage(picture, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, picture.width, picture.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const palette = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([pixel]) => pixel);
  const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const apart = (a, b) => parts(a).reduce((sum, value, i) => sum + (value - parts(b)[i]) ** 2, 0);
  const nearer = (pixel, i, best) => apart(palette[i], pixel) < apart(palette[best], pixel);
  const nearest = (pixel) => palette.reduce((best, _one, i) => (nearer(pixel, i, best) ? i : best), 0);
  const places = new Map(palette.map((pixel, i) => [pixel, i]));
  for (const pixel of counts.keys()) if (!places.has(pixel)) places.set(pixel, nearest(pixel));
  const encode = (bytes) => {
    let text = "";
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return btoa(text);
  };
  return {
    width: picture.width,
    height: picture.height,
    palette: encode(Uint8Array.from(palette.flatMap(parts))),
    pixels: encode(Uint8Array.from(pixels, (pixel) => places.get(pixel))),
  };
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="where the page runs, such as http://127.0.0.1:8000")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        reducer = browser.new_page()
        for screen, (width, height) in SCREENS.items():
            for scheme in ("light", "dark"):
                page = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id=STORY_ZONE
                ).new_page()
                for name, address in addresses(page, options.address.rstrip("/")).items():
                    page.goto(address)
                    target = options.folder / f"{name}-{screen}-{scheme}.png"
                    target.write_bytes(smaller(reducer, page.screenshot(full_page=True)))
                    print(f"{target} ({target.stat().st_size // 1024} KiB)")
        browser.close()


def addresses(page: Page, base: str) -> dict[str, str]:
    """Home, and the notice that tells the story: the newest of its month."""
    page.goto(base + STORY_MONTH)
    return {"home": base + "/", "notice": base + str(page.locator(".past a").first.get_attribute("href"))}


def smaller(page: Page, png: bytes) -> bytes:
    """The same picture in 256 colours, a third of the size."""
    found = page.evaluate(REDUCE, "data:image/png;base64," + base64.b64encode(png).decode())
    pixels, width = base64.b64decode(found["pixels"]), found["width"]
    rows = b"".join(b"\0" + pixels[start : start + width] for start in range(0, len(pixels), width))
    header = struct.pack(">IIBBBBB", width, found["height"], 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", base64.b64decode(found["palette"])), (b"IDAT", zlib.compress(rows, 9))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in [*chunks, (b"IEND", b"")])


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


if __name__ == "__main__":
    main()
