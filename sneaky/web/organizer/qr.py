"""Links as QR codes, drawn without inline styles so that the content policy lets them be."""

from __future__ import annotations

from markupsafe import Markup


def qr_code(link: str) -> Markup:
    """An SVG image of `link`, to stand in a page."""
    import segno  # noqa: PLC0415  (a mebibyte for one page)

    svg = segno.make(link, micro=False, error="m").svg_inline(omitsize=True, border=0)
    return Markup(svg)  # noqa: S704  (segno writes paths only; the link is not in the markup)
