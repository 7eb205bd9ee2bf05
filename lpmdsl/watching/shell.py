"""The page around the report: its one script is named by its digest, so that no other can run."""

from __future__ import annotations

import base64
import hashlib

_STYLE = """
html, body { margin: 0; height: 100%; background: Canvas; color: CanvasText; font: 15px/1.5 system-ui, sans-serif; }
body { display: flex; flex-direction: column; }
iframe { border: 0; flex: 1; width: 100%; }
header { display: flex; gap: .6rem; align-items: center; padding: .35rem 1rem; border-bottom: 1px solid #8884; }
#dot { width: .7rem; height: .7rem; border-radius: 50%; background: #b8860b; }
[data-state=done] #dot { background: #2e8b57; } [data-state=wrong] #dot { background: #c0392b; }
[data-state=ended] #dot { background: #888; }
pre { margin: 0; padding: .7rem 1rem; overflow: auto; max-height: 45vh; background: #c0392b18; white-space: pre-wrap;
  font: 13px/1.45 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre:empty { display: none; }
"""
# The frame may not run scripts, but is of the same origin, so that its place can be kept when it is renewed.
_SCRIPT = """
const by = id => document.getElementById(id), frame = by("report");
const words = { running: "running", done: "up to date", ended: "lpmc watch has ended",
  wrong: "something is wrong; the report below may be that of an earlier text" };
let shown = -1;
function stand(state) { document.body.dataset.state = state; by("stand").textContent = words[state]; }
const news = new EventSource("news");
news.onmessage = event => {
  const told = JSON.parse(event.data);
  stand(told.state);
  by("told").textContent = told.told.join("\\n\\n");
  if (told.report === shown) return;
  shown = told.report;
  const inside = frame.contentWindow, x = inside ? inside.scrollX : 0, y = inside ? inside.scrollY : 0;
  frame.onload = () => { frame.contentWindow.scrollTo(x, y); document.title = frame.contentDocument.title; };
  frame.contentWindow.location.replace("report?" + shown);
};
news.onerror = () => stand("ended");
"""
SHELL = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>lpmc watch</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
    f"<style>{_STYLE}</style></head>\n"
    '<body data-state="running"><header><span id="dot"></span><span id="stand" role="status">starting</span></header>'
    '<pre id="told" role="alert"></pre>'
    '<iframe id="report" title="Report" sandbox="allow-same-origin"></iframe>'
    f"<script>{_SCRIPT}</script></body></html>\n"
)
EMPTY = (
    '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>no report yet</title><p>No report yet.</p></html>\n'
)


def _digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") + "'"


SHELL_POLICY = (
    f"default-src 'none'; script-src {_digest(_SCRIPT)}; style-src {_digest(_STYLE)}; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'"
)
