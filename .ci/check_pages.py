"""Check the built documentation as a reader meets it, without a network.

    python .ci/check_pages.py HTML [--pictures FOLDER]

Every link within it leads somewhere, and no page needs a script, a style or a picture
from elsewhere. Where Chromium is installed, the top pages are opened in it, at the
widths of a desktop and of a phone: none may write an error to the console, or be wider
than the window. --pictures keeps what it shows, to be looked at.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from joblib import Parallel, delayed

WIDTHS = {"desktop": 1400, "phone": 390}
#: Where each element says what it needs.
_NEEDS = {"script": "src", "img": "src", "source": "src", "link": "href"}
#: Of ``link``, what a browser fetches.
_FETCHED = {"stylesheet", "icon", "preload", "modulepreload"}
# Frames of these widths, side by side, since windows of Chromium have a least width.
# The title tells what is in them.
_FRAMES = """<!doctype html><title>waits</title>
<body style="margin:0;display:flex">{frames}<script>
addEventListener("load", () => setTimeout(() => {{
  document.title = JSON.stringify([...document.querySelectorAll("iframe")].map(
    frame => ({{
      width: frame.contentDocument.documentElement.scrollWidth,
      broken: [...frame.contentDocument.images].filter(
        picture => picture.complete && !picture.naturalWidth).map(
        picture => picture.src)}})));
}}, 300));
</script>"""
_FRAME = (
    '<iframe style="border:0;width:{width}px;height:{height}px" src="{url}"></iframe>'
)
_HEIGHT = 4000
#: What the theme writes to the console of any page.
_NOTES = ("[PST]: ", "Got invalid theme mode")


class Page(HTMLParser):
    """Links, anchors, and what is fetched from elsewhere."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.foreign: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        """Note what an element has of these."""
        found = dict(attributes)
        self.anchors |= {found[name] or "" for name in ("id", "name") if name in found}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"] or "")
        needed = found.get(_NEEDS.get(tag, ""))
        if tag == "link" and not _FETCHED & set((found.get("rel") or "").split()):
            return
        if needed and urlsplit(needed).netloc:
            self.foreign.append(needed)
        elif needed and not needed.startswith("data:"):
            self.links.append(needed)


def check_links(folder: Path) -> list[str]:
    """What is wrong with links, and what is fetched from elsewhere."""
    # Those below _static are templates of the theme.
    files = [p for p in sorted(folder.rglob("*.html")) if "_static" not in p.parts]
    pages = {path.resolve(): Page(path) for path in files}
    wrong = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        wrong += [f"{name} fetches {address}" for address in page.foreign]
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[file].anchors if file in pages else None
            if not file.exists():
                wrong.append(f"{name} leads to {link}, which is not there")
            elif (
                parts.fragment
                and anchors is not None
                and unquote(parts.fragment) not in anchors | {"top"}
            ):
                wrong.append(f"{name} leads to {link}, without such an anchor")
    return wrong


def check_in_browser(
    page: Path, browser: str, folder: Path, pictures: Path | None
) -> list[str]:
    """What Chromium finds wrong with a page."""
    name = str(page.relative_to(folder))
    with tempfile.TemporaryDirectory() as profile:
        frames = "".join(
            _FRAME.format(width=width, height=_HEIGHT, url=page.as_uri())
            for width in WIDTHS.values()
        )
        file = Path(profile) / "frames.html"
        file.write_text(_FRAMES.format(frames=frames), encoding="utf-8")
        found = _run(browser, file, "--dump-dom")
        if pictures is not None:
            picture = name.removesuffix(".html").replace("/", "_") + ".png"
            _run(browser, file, f"--screenshot={(pictures / picture).resolve()}")
    wrong = [
        line
        for line in found.stderr.splitlines()
        if "CONSOLE" in line and not any(note in line for note in _NOTES)
    ]
    try:
        told = json.loads(found.stdout.split("<title>")[1].split("</title>")[0])
    except ValueError:
        return [f"{name} was not loaded", *wrong]
    for (kind, width), frame in zip(WIDTHS.items(), told, strict=True):
        if frame["width"] > width:
            wrong.append(f"on a {kind} {frame['width']} pixels wide, not {width}")
        wrong += [f"{image} is no image" for image in frame["broken"]]
    return [f"{name}: {what}" for what in wrong]


def _run(browser: str, page: Path, what: str) -> subprocess.CompletedProcess[str]:
    options = ["--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    # As root, and in containers, its sandbox does not start; the pages are our own.
    options += ["--no-sandbox", "--allow-file-access-from-files"]
    options += ["--disable-dev-shm-usage", "--virtual-time-budget=10000"]
    options += [f"--user-data-dir={page.parent}", "--enable-logging=stderr"]
    options += [f"--window-size={sum(WIDTHS.values())},{_HEIGHT}"]
    return subprocess.run(
        [browser, *options, what, page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )


def main() -> None:
    """Check, and say what is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("html", type=Path)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    folder = arguments.html.resolve()
    wrong = check_links(folder)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    tops = [
        page
        for page in sorted(folder.rglob("*.html"))
        if page.parent.name in (folder.name, "benchmarks", "models", "gallery")
    ]
    if browser is None:
        print("There is no Chromium: pages were not opened in a browser.")
    else:
        if arguments.pictures:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
        check = delayed(check_in_browser)
        for found in Parallel(n_jobs=2, prefer="threads")(
            check(page, browser, folder, arguments.pictures) for page in tops
        ):
            wrong += found
        print(f"{len(tops)} pages opened at {len(WIDTHS)} widths")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
