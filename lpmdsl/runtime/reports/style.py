"""The look of our pages, by light and by dark; the classes of the model's text are Pygments' own."""

STYLE = """
:root { --paper: #ffffff; --ink: #1c2430; --soft: #5b6675; --line: #d9dee6; --tint: #f4f6f9; --accent: #0b62a8;
  --warn: #8a3b00; --warn-tint: #fff3e6; --good: #0a5c36; --good-tint: #e9f7ef; --value: #9a5b00; --text: #1d6b45; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181e; --ink: #e4e8ee; --soft: #9aa6b5; --line: #323a46;
  --tint: #1c222b; --accent: #6db6f2; --warn: #ffbe85; --warn-tint: #33241a;
  --good: #8fdcb4; --good-tint: #14291f; --value: #e5b567; --text: #8fdcb4; } }
* { box-sizing: border-box; }
html { color-scheme: light dark; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 3rem 0 .8rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .2rem; }
p { margin: .3rem 0 .8rem; max-width: 46rem; }
.lead { font-size: 1.1rem; color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; margin: 1rem 0 0; padding: 0;
  color: var(--soft); font-size: .92rem; }
.facts li { list-style: none; } .facts b { color: var(--ink); font-weight: 600; }
.notice { background: var(--warn-tint); color: var(--warn); padding: .7rem 1rem; margin: 1rem 0;
  border-radius: 6px; max-width: none; }
.notice.good { background: var(--good-tint); color: var(--good); } .notice ul { margin: .3rem 0 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; margin: .4rem 0 1rem; }
th, td { text-align: left; padding: .35rem 1.4rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.name { font-weight: 600; white-space: nowrap; }
td small { color: var(--soft); }
.soft { color: var(--soft); font-size: .92rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 0 1.2rem; }
img.figure { display: block; max-width: 100%; height: auto; margin: .4rem 0 1rem; }
.headline { font-size: 1.25rem; line-height: 1.45; max-width: 46rem; margin: 1.2rem 0 .6rem; }
.headline.more { font-size: 1rem; margin: .2rem 0; }
.equations { overflow-x: auto; }
.equations div { margin: .6rem 0; font-size: 1.05rem; }
.equations mtd { text-align: left; padding: .15rem .2rem; }
.fails { color: var(--warn); font-weight: 600; }
.k, .kr, .ow { color: var(--accent); font-weight: 600; } .nc { font-weight: 600; }
.kt, .nb, .na { color: var(--accent); }
.c1, .sd { color: var(--soft); font-style: italic; }
.m, .mi, .ld, .no, .kc { color: var(--value); } .s, .s2 { color: var(--text); }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .84rem; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: 1rem; overflow-x: auto;
  line-height: 1.45; }
td pre { margin: 0; padding: .6rem .8rem; white-space: pre-wrap; }
details summary { cursor: pointer; color: var(--accent); }
svg.states { max-width: 100%; height: auto; display: block; margin: .6rem 0; }
svg.states .state { fill: var(--tint); stroke: var(--ink); stroke-width: 1.4; }
svg.states .state.first { stroke: var(--accent); stroke-width: 2.6; }
svg.states .state.removed { stroke-dasharray: 4 3; }
svg.states .way { fill: none; stroke: var(--soft); stroke-width: 1.4; }
svg.states .head { fill: var(--soft); }
svg.states .way.forced { stroke-dasharray: 5 4; stroke: var(--accent); }
svg.states text { font-family: inherit; text-anchor: middle; fill: var(--ink); }
svg.states .name { font-size: 15px; font-weight: 600; }
svg.states .label { font-size: 11.5px; fill: var(--soft); }
svg.states .label { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
@media print { main { max-width: none; padding: 0; } details > pre { display: block; } }
"""
