"""The built site, read in a browser without a window: `mkdocs build` first, as `.ci/run` does."""

import functools
import http.server
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

SITE = Path(__file__).resolve().parent.parent / "build" / "site"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

pytestmark = [
    pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="the site is not built: mkdocs build"),
]


PROBE = """<!DOCTYPE html><iframe width="1280" height="900"></iframe><script>
const [path, wanted] = [%r, %r], frame = document.querySelector("iframe"), begin = Date.now()
frame.src = path
setInterval(() => {
  const page = frame.contentDocument
  if (page.querySelector(wanted) || Date.now() - begin > 30000)
    fetch("/read", {method: "POST", body: page.documentElement.outerHTML})
}, 300)
</script>"""


class Reader(http.server.SimpleHTTPRequestHandler):
    """Serves the site, and beside it a page that shows one of its pages and sends back what it has become."""

    def do_GET(self):
        if self.path != "/probe":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write((PROBE % self.server.asked).encode())

    def do_POST(self):
        self.server.dom = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(200)
        self.end_headers()
        self.server.arrived.set()

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def server():
    handler = functools.partial(Reader, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def read(server, tmp_path):
    """A page as the browser has it once a selector finds something, and what its scripts said to the console."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")

    def page(path, wanted="footer"):
        server.asked, server.arrived = (path, wanted), threading.Event()
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
        command += [f"--user-data-dir={tmp_path}/profile", f"http://127.0.0.1:{server.server_port}/probe"]
        with open(tmp_path / "said", "w") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
            arrived = server.arrived.wait(60)
            process.kill()
            process.wait(30)
        lines = (tmp_path / "said").read_text(errors="replace").splitlines()
        assert arrived, lines[-20:]
        return server.dom, [line for line in lines if ":CONSOLE" in line]

    return page


def test_the_start_page_leads_to_all_parts(read):
    dom, said = read("index.html", ".md-code__button, .md-clipboard")
    assert said == []
    for part in ("Start", "The house", "Chapters", "Models", "Data sets", "Recipes", "Guides", "Reference", "Measured"):
        assert re.search(rf">\s*{part}\s*<", dom), part
    assert dom.count('data-md-color-scheme="') >= 2 and "Copy to clipboard" in dom


def test_search_finds_names_with_dots(read):
    dom, said = read("index.html?q=hub.load", ".md-search-result__link")
    assert said == []
    found = re.findall(r'<a href="([^"]+)" class="md-search-result__link"', dom)
    assert any("models.html" in link for link in found) and len(found) >= 3, found


def test_formulas_are_drawn(read):
    dom, said = read("chapters/attention.html")
    assert said == []
    assert "<msqrt>" in dom and 'display="block"' in dom and "arithmatex" not in dom


def test_figures_stand_in_the_page_and_solutions_are_folded(read):
    dom, said = read("chapters/descent.html")
    assert said == []
    assert dom.count('<figure class="drawn">') == 2 and "currentColor" in dom
    assert '<details class="success">' in dom and '<details class="success" open' not in dom


def test_pages_are_made_of_the_files_of_models_and_recipes(read):
    dom, _ = read("models/gemma.html")
    assert "GemmaConfig" in dom and "gemma_2b" in dom and "1e-0" not in dom.split("How exact")[0]
    dom, _ = read("recipes/mnist_mlp.html")
    assert "0.978" in dom and "784 pixels" in dom


def test_no_page_needs_anything_from_elsewhere():
    for page in SITE.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|iframe)[^>]+src="(https?:[^"]+)"', page.read_text())
        loaded += re.findall(r'<link[^>]+rel="(?:stylesheet|preconnect)"[^>]+href="(https?:[^"]+)"', page.read_text())
        assert not loaded, f"{page.relative_to(SITE)} loads {loaded}"
