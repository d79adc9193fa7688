"""Colours of a brand: contrast as WCAG 2.2 measures it, and lightness in OKLCH, where equal steps look equal.

A colour is text, "#rrggbb" in small letters.
"""

from __future__ import annotations

import math
import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# What words and buttons in a brand's colour stand on: paper, card and washes of tokens.css, then those of mail.css.
LIGHT_GROUNDS = ("#fbfaf6", "#ffffff", "#e4f2e8", "#e6eefa", "#faf0d4", "#fdebdc", "#fce7e6", "#fcfcfd")
DARK_GROUNDS = ("#15171a", "#1d2024", "#15281f", "#172338", "#2b2412", "#302015", "#351b1d", "#1b212b", "#10203c")
# WCAG 2.2, 1.4.3. The 3:1 that 1.4.11 asks of edges and of the focus is contained in it.
NEEDED = 4.5

INKS = ("#ffffff", "#1d2125", "#000000")  # one of them reaches NEEDED on any ground
DARK_ACCENT_LIGHTNESS, DARK_ACCENT_CHROMA = 0.78, 0.12
DARK_MASTHEAD_LIGHTNESS, DARK_MASTHEAD_CHROMA = 0.28, 0.07
STEPS = 400

_HEX = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})")


def read_colour(text: str) -> str:
    """A colour as someone types it, "#ABC" and "0057b8" among them. Raises ValidationError."""
    found = _HEX.fullmatch(text.strip().lower())
    if not found:
        raise ValidationError(_("Write the colour as # and six digits or letters up to f, such as #0057b8."))
    digits = found[1]
    return "#" + (digits if len(digits) == 6 else "".join(char * 2 for char in digits))


def contrast(one: str, other: str) -> float:
    """From 1, the same, to 21, black on white."""
    dim, bright = sorted((_luminance(one), _luminance(other)))
    return (bright + 0.05) / (dim + 0.05)


def check_accent(colour: str, *, is_dark: bool) -> None:
    """Raises ValidationError for a colour in which words cannot be read, with the nearest one in which they can."""
    grounds = DARK_GROUNDS if is_dark else LIGHT_GROUNDS
    reached = _least(colour, grounds)
    if reached >= NEEDED:
        return
    where = _("the dark page") if is_dark else _("the light page")
    raise ValidationError(
        _("Words in %(colour)s cannot be read on %(where)s: the contrast is %(reached)s, and %(needed)s is needed. ")
        % {"colour": colour, "where": where, "reached": _ratio(reached), "needed": _ratio(NEEDED)}
        + _("The nearest colour that has it is %(colour)s") % {"colour": nearest_readable(colour, grounds)}
    )


def nearest_readable(colour: str, grounds: tuple[str, ...]) -> str:
    """`colour` with as little more or less lightness as words on all of `grounds` need."""
    lightness, chroma, hue = _to_oklch(colour)
    for step in range(STEPS + 1):
        for tried in (lightness - step / STEPS, lightness + step / STEPS):
            if 0 <= tried <= 1 and _least(found := _from_oklch(tried, chroma, hue), grounds) >= NEEDED:
                return found
    raise ValueError("no colour can be read on both light and dark grounds")


def dark_accent(accent: str) -> str:
    """What `accent` becomes on the dark page: as light as its own links are, softer, of the same hue."""
    lightness, chroma, hue = _to_oklch(accent)
    soft = _from_oklch(max(lightness, DARK_ACCENT_LIGHTNESS), min(chroma, DARK_ACCENT_CHROMA), hue)
    return nearest_readable(soft, DARK_GROUNDS)


def dark_masthead(masthead: str) -> str:
    """What the ground of the header becomes on the dark page."""
    lightness, chroma, hue = _to_oklch(masthead)
    return _from_oklch(min(lightness, DARK_MASTHEAD_LIGHTNESS), min(chroma, DARK_MASTHEAD_CHROMA), hue)


def ink_on(ground: str) -> str:
    """The colour of words on `ground`."""
    return next(ink for ink in INKS if contrast(ink, ground) >= NEEDED)


def not_pure(colour: str) -> str:
    """`colour`, but neither black nor white: programs that turn a mail dark exchange these two, often one alone."""
    return {"#000000": "#010101", "#ffffff": "#fefefe"}.get(colour, colour)


def _least(colour: str, grounds: tuple[str, ...]) -> float:
    return min(contrast(colour, ground) for ground in grounds)


def _ratio(value: float) -> str:
    """Cut off, not rounded: what is too little must not read as enough."""
    return f"{math.floor(value * 10) / 10:.1f}:1"


def _linear(colour: str) -> tuple[float, ...]:
    """Red, green and blue as amounts of light, 0 to 1."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# The matrices of OKLab are those of its author: https://bottosson.github.io/posts/oklab/


def _to_oklch(colour: str) -> tuple[float, float, float]:
    red, green, blue = _linear(colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.atan2(b, a)


def _from_oklch(lightness: float, chroma: float, hue: float) -> str:
    """The colour; where screens have none that vivid, the most vivid they have of that lightness and hue."""
    if not _fits(_light(lightness, chroma, hue)):
        low, high = 0.0, chroma
        for _halving in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if _fits(_light(lightness, middle, hue)) else (low, middle)
        chroma = low
    light = _light(lightness, chroma, hue)
    return "#" + "".join(f"{round(255 * _encoded(min(max(part, 0), 1))):02x}" for part in light)


def _light(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _fits(light: tuple[float, ...]) -> bool:
    return all(-1e-4 <= part <= 1 + 1e-4 for part in light)


def _encoded(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055
