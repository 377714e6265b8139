"""Writing SVG: elements as text, every attribute and text escaped."""

from __future__ import annotations

from markupsafe import Markup, escape

from tiercel.reconstruct.wording.printable import printable

_PAINT: dict[str, dict[str, str]] = {
    "tick": {"stroke": "#dfe3e8"},
    "row": {"stroke": "#dfe3e8", "stroke_width": "0.5"},
    "base": {"stroke": "#5a6675"},
    "bar": {"fill": "#9db8d6"},
    "life": {"fill": "#9db8d6"},
    "act": {"fill": "#1f5fa8"},
    "alert": {"fill": "#9a5b00", "stroke": "#ffffff"},
    "grave": {"fill": "#b3261e", "stroke": "#ffffff"},
    "gap": {"fill": "url(#hatch)", "stroke": "#9a5b00"},
    "hatch": {"stroke": "#9a5b00", "stroke_width": "2"},
    "time": {"font_size": "11", "fill": "#5a6675"},
    "key": {"font_size": "11", "fill": "#5a6675"},
    "lane": {"font_size": "12"},
}
"""Colours by class, for what does not apply the page's style sheet to pictures; where it is applied it wins."""


def tag(name: str, *inside: Markup | str, **attributes: object) -> Markup:
    """Return an element. ``class_`` and names with underscores are written as SVG has them; None leaves one out."""
    for class_ in str(attributes.get("class_", "")).split():
        attributes = {**_PAINT.get(class_, {}), **attributes} if class_ != "grave" else {**attributes, **_PAINT[class_]}
    written = Markup("").join(
        Markup(' {}="{}"').format(Markup(key.rstrip("_").replace("_", "-")), printable(_number(value)))
        for key, value in attributes.items()
        if value is not None
    )
    content = Markup("").join(part if isinstance(part, Markup) else escape(printable(part)) for part in inside)
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
