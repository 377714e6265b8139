"""Writing SVG: elements as text, every attribute and text escaped."""

from __future__ import annotations

from markupsafe import Markup, escape

from tiercel.report.wording import clean


def tag(name: str, *inside: Markup | str, **attributes: object) -> Markup:
    """Return an element. ``class_`` and names with underscores are written as SVG has them; None leaves one out."""
    written = Markup("").join(
        Markup(' {}="{}"').format(Markup(key.rstrip("_").replace("_", "-")), clean(_number(value)))
        for key, value in attributes.items()
        if value is not None
    )
    content = Markup("").join(part if isinstance(part, Markup) else escape(clean(part)) for part in inside)
    opening = Markup("<") + Markup(name) + written
    return opening + Markup("/>") if not inside else opening + Markup(">") + content + Markup(f"</{name}>")


def _number(value: object) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def picture(width: float, height: float, title: str, description: str, *inside: Markup) -> Markup:
    """Return a whole picture that scales with the page; title and description are what a screen reader says."""
    return tag(
        "svg",
        tag("title", title),
        tag("desc", description),
        *inside,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_number(width)} {_number(height)}",
        role="img",
        class_="picture",
        width="100%",
    )
