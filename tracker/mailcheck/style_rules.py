"""Which elements a mail's <style> hides: simple selectors of rules that hold everywhere."""

from __future__ import annotations

import re

from tracker.mailcheck.markup import StartTag

_brace = re.compile(r"[{}]")
# An element, a class or an id, perhaps with its element. What depends on other elements is left.
_simple = re.compile(r"(?:[a-z][a-z0-9]*)?(?:[.#][\w-]+)?\Z", re.IGNORECASE)


def declarations(style: str) -> dict[str, str]:
    """The last of each property counts."""
    pairs = (declaration.partition(":") for declaration in style.lower().split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def hiding_selectors(css: str) -> set[str]:
    """Those with display:none; not in @media and the like, which hold here and there."""
    css = _without_comments(css)
    found: set[str] = set()
    depth = start = 0
    prelude = ""
    for brace in _brace.finditer(css):
        if brace[0] == "{":
            if depth == 0:
                prelude = css[start : brace.start()].strip()
            depth += 1
            start = brace.end()
        else:
            if depth == 1:  # deeper ones stand in @media and the like
                found |= _hidden(prelude, css[start : brace.start()])
            depth = max(0, depth - 1)
            start = brace.end()
    return found


def _hidden(prelude: str, body: str) -> set[str]:
    if not declarations(body).get("display", "").startswith("none"):
        return set()
    selectors = (selector.strip() for selector in prelude.split(","))
    return {_folded(selector) for selector in selectors if selector and _simple.match(selector)}


def _folded(selector: str) -> str:
    """Elements in small letters; the names of classes and ids keep theirs."""
    cut = min((at for at in (selector.find("."), selector.find("#")) if at >= 0), default=None)
    return selector.lower() if cut is None else selector[:cut].lower() + selector[cut:]


def is_hidden_by(selectors: set[str], tag: StartTag) -> bool:
    if not selectors:
        return False
    names = [f".{name}" for name in (tag.value("class") or "").split()]
    if tag.value("id"):
        names.append(f"#{tag.value('id')}")
    return any(name in selectors for name in (tag.name, *names, *(tag.name + n for n in names)))


def _without_comments(css: str) -> str:
    css = css.replace("<!--", " ").replace("-->", " ")
    pieces, position = [], 0
    while (opening := css.find("/*", position)) >= 0:
        pieces.append(css[position:opening])
        closing = css.find("*/", opening + 2)
        if closing < 0:
            return "".join(pieces)
        position = closing + 2
    return "".join([*pieces, css[position:]])
