--- The style sheet of a page: light and dark, narrow and wide, screen and paper.
local colours = require "fovea.report.page.colours"

local M = {}

local STYLE = [==[
:root { color-scheme: light dark; --paper: #f7f6f3; --card: #ffffff; --ink: #1b1c21; --faint: #5c5f69;
  --rule: #dfddd6; --accent: #2a6f77; --soft: #e6eff0; --ground: #101114;
  --good: #17693f; --good-soft: #dcefe3; --doubtful: #7a4b00; --doubtful-soft: #fbe9c6; --bad: #9b1c2e;
  --bad-soft: #f9dde0; --target: #ffffff; --truth: #ffb000; --prediction: #35e0d0; }
@media (prefers-color-scheme: dark) { :root { --paper: #131418; --card: #1c1e24; --ink: #e9e8e4; --faint: #a3a5ae;
  --rule: #32343c; --accent: #6fc3cb; --soft: #22353a; --ground: #08090b;
  --good: #86d6a6; --good-soft: #17382a; --doubtful: #f0c36d; --doubtful-soft: #3d2f10; --bad: #ff9aa5;
  --bad-soft: #45191f; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main, .top > div, .foot > div { max-width: 84rem; margin: 0 auto; padding: 0 1.5rem; }
h1, h2, h3, h4 { line-height: 1.2; margin: 0; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; } h3 { font-size: 1.02rem; } h4 { font-size: 0.95rem; }
p { margin: 0.4rem 0; } a { color: var(--accent); }
small { font-weight: 400; color: var(--faint); }
code { font: 0.86em/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
  overflow-wrap: anywhere; }
button, select, input { font: inherit; color: inherit; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.hidden { position: absolute; width: 0; height: 0; overflow: hidden; }
[hidden] { display: none !important; }
html:not(.js) .scripted { display: none; }

.top { border-top: 5px solid; border-image: linear-gradient(to right, VIRIDIS) 1; padding: 1.6rem 0 1.2rem; }
.brand { display: flex; align-items: center; gap: 0.55rem; color: var(--faint); font-size: 0.95rem; }
.brand svg { width: 1.7rem; height: 1.7rem; }
.top h1 { font-size: clamp(1.7rem, 3.4vw, 2.5rem); margin: 0.7rem 0 0.3rem; letter-spacing: -0.02em; }
.lead { font-size: 1.08rem; color: var(--faint); max-width: 60rem; }
.counts { display: flex; flex-wrap: wrap; gap: 0.4rem; margin: 0.8rem 0 0; padding: 0; list-style: none; }
.badge { display: inline-block; font-size: 0.74rem; font-weight: 650; letter-spacing: 0.02em; line-height: 1.5;
  padding: 0.05rem 0.45rem; border-radius: 999px; white-space: nowrap; }
.counts .badge { font-size: 0.82rem; padding: 0.15rem 0.65rem; }
.badge.good { color: var(--good); background: var(--good-soft); }
.badge.doubtful { color: var(--doubtful); background: var(--doubtful-soft); }
.badge.bad { color: var(--bad); background: var(--bad-soft); }

main > section, main > article, main > details, main > nav { margin: 0 0 1.6rem; }
main > section { margin-top: 2.6rem; }
main > .desk { margin-top: 0; }
.card, .tile, .guide { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
.card { padding: 1rem 1.1rem; }
summary { cursor: pointer; }
.guide { padding: 0.9rem 1.2rem; }
.guide summary h2 { display: inline; font-size: 1.1rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 0.4rem 2rem;
  margin-top: 0.7rem; }
.guide .card { border: 0; padding: 0; }
.guide ul { margin: 0.4rem 0 0.5rem; padding-left: 1.1rem; font-size: 0.93rem; }
.guide li { margin: 0.25rem 0; } .guide li::marker { color: var(--accent); }

.film { display: flex; gap: 0.7rem; overflow-x: auto; padding: 0.3rem 0.3rem 0.7rem; }
.frame { flex: 0 0 9.2rem; min-width: 0; overflow: hidden; display: flex; flex-direction: column;
  text-decoration: none; color: inherit;
  padding: 0.4rem; border-radius: 10px; border: 1px solid transparent; }
.frame svg { width: 100%; height: 5.6rem; border-radius: 6px; background: var(--ground); }
.frame:hover { background: var(--card); }
.frame[aria-current] { background: var(--card); border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
.frame .title { font-weight: 600; font-size: 0.88rem; margin-top: 0.3rem; }
.frame .sub { font-size: 0.78rem; color: var(--faint); display: flex; gap: 0.35rem; flex-wrap: wrap; }
.frame .title, .frame .sub bdi { overflow-wrap: anywhere; line-height: 1.3; }
.walk { display: flex; align-items: center; gap: 0.6rem; color: var(--faint); font-size: 0.9rem; }
.walk h2 { margin-right: auto; color: var(--ink); }
.walk button, .reset, .copy, #pin, .segments button { border: 1px solid var(--rule); background: var(--card);
  border-radius: 8px; padding: 0.25rem 0.7rem; cursor: pointer; font-size: 0.88rem; }
.walk button:disabled { opacity: 0.4; cursor: default; }
.walk button:hover:enabled, .reset:hover, .copy:hover, #pin:hover, .segments button:hover {
  border-color: var(--accent); }

.desk { display: grid; grid-template-columns: minmax(0, 1.6fr) minmax(19rem, 1fr); gap: 1.2rem; align-items: start; }
.side { display: grid; gap: 1.2rem; }
.stage { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 12px; overflow: hidden; }
.views { display: grid; grid-template-columns: 1fr; }
.views.two { grid-template-columns: 1fr 1fr; gap: 2px; }
.view { min-width: 0; display: flex; flex-direction: column; }
.view svg { display: block; width: min(100%, 74vh * var(--shape, 1.33)); margin: 0 auto; }
.view p { margin: 0; padding: 0.3rem 0.7rem; font-size: 0.82rem; color: #d8d7d2; overflow-wrap: anywhere; }
.stage { background: var(--ground); }
.stage figcaption { background: var(--card); padding: 0.7rem 1rem 0.5rem; border-top: 1px solid var(--rule); }
.legend { display: flex; align-items: center; gap: 0.7rem; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
.legend .bar { flex: 1; height: 0.75rem; border-radius: 4px; }
#legend-text { font-size: 0.82rem; color: var(--faint); margin: 0.3rem 0 0; }
svg .ground { fill: var(--ground); }
svg .heat { filter: url(#heat); }
svg .tint { filter: url(#tint); }
.cells svg .heat { image-rendering: pixelated; }
.line { fill: none; stroke-linejoin: round; stroke-width: 1.3px; }
.casing { stroke: #000; stroke-opacity: 0.55; stroke-width: 3px; }
.line.target:not(.casing) { stroke: var(--target); }
.line.truth:not(.casing) { stroke: var(--truth); }
.line.prediction:not(.casing) { stroke: var(--prediction); }
.cell .line, .tile .line { stroke-width: 0.8px; } .cell .casing, .tile .casing { stroke-width: 1.7px; }
.stage .line { stroke-width: 1.3px; } .stage .casing { stroke-width: 3px; }
.no-target .stage .target, .no-target .cell .target, .no-prediction .stage .prediction, .no-truth .stage .truth,
.no-heat .stage .heat, .no-heat .cell .heat, .no-tint .stage .tint { display: none; }

.display { display: grid; gap: 0.7rem; }
.slider { display: grid; grid-template-columns: 6rem 1fr 3.2rem; gap: 0.6rem; align-items: center; font-size: 0.92rem; }
.slider output { text-align: right; font-variant-numeric: tabular-nums; color: var(--faint); }
.slider input { width: 100%; accent-color: var(--accent); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0.8rem; }
.choice span { display: block; font-size: 0.82rem; color: var(--faint); }
.choice select { width: 100%; padding: 0.3rem; border-radius: 8px; border: 1px solid var(--rule);
  background: var(--card); }
fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; }
legend { font-size: 0.82rem; color: var(--faint); padding: 0; float: left; width: 100%; }
.switch { display: inline-flex; align-items: center; gap: 0.4rem; font-size: 0.92rem; min-height: 1.8rem; }
.switch input { accent-color: var(--accent); width: 1rem; height: 1rem; margin: 0; }
.switch:has(:disabled) { opacity: 0.45; }
.key { width: 1.1rem; height: 0; border-top: 3px solid; box-shadow: 0 0 0 1px rgb(0 0 0 / 0.45); border-radius: 2px; }
.key.target { color: var(--target); } .key.truth { color: var(--truth); } .key.prediction { color: var(--prediction); }
.reset { justify-self: start; }

.facts h3 { font: 650 1.05rem/1.3 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.status { font-size: 0.92rem; }
.reason { color: var(--bad); overflow-wrap: anywhere; }
dl { margin: 0.6rem 0 0; }
.facts dl > div, .record dl > div { display: grid; grid-template-columns: minmax(7rem, 11rem) 1fr; gap: 0.8rem;
  padding: 0.22rem 0; border-top: 1px solid var(--rule); font-size: 0.92rem; }
.facts dt, .record dt { color: var(--faint); overflow-wrap: anywhere; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; min-width: 0; }
.command { margin-top: 0.8rem; font-size: 0.9rem; }
.command code { display: block; background: var(--soft); border-radius: 8px; padding: 0.5rem 0.6rem;
  margin-bottom: 0.4rem; }
.source { font-size: 0.88rem; color: var(--faint); }

.case > header { display: flex; flex-wrap: wrap; gap: 0.4rem 2rem; align-items: baseline;
  justify-content: space-between; border-top: 1px solid var(--rule); padding-top: 1.2rem; margin-bottom: 0.9rem; }
.case h2 small { margin-left: 0.6rem; font-size: 1rem; }
.scores { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; margin: 0; }
.scores dt { font-size: 0.78rem; color: var(--faint); } .scores dt::first-letter { text-transform: uppercase; }
.scores dd { font-size: 1.15rem; font-weight: 650; }
.tiles { display: flex; flex-wrap: wrap; gap: 0.9rem; margin-bottom: 1.2rem; }
.tile { margin: 0; overflow: hidden; flex: 0 1 14.5rem; }
.tile svg { display: block; width: 100%; }
.tile figcaption { font-size: 0.84rem; padding: 0.35rem 0.7rem; color: var(--faint); }
.matrix .head { display: flex; flex-wrap: wrap; align-items: center; gap: 0.6rem 1.2rem; margin-bottom: 0.6rem; }
.segments { display: inline-flex; flex-wrap: wrap; gap: 0.35rem; }
.segments [aria-pressed=true], #pin[aria-pressed=true] { background: var(--accent); border-color: var(--accent);
  color: var(--card);
  font-weight: 600; }
.js .printed { display: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.92rem; }
th { text-align: left; font-weight: 600; }
td, th { padding: 0.3rem 0.75rem 0.3rem 0; vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.matrix table { font-size: 0.86rem; }
.matrix td, .matrix th { padding: 0.25rem; }
.matrix thead th { padding: 0.2rem 0.35rem; overflow-wrap: anywhere; vertical-align: bottom; }
.matrix thead th, .matrix tbody th {
  font: 600 0.84rem/1.35 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.matrix th small { display: block; font-family: system-ui, sans-serif; font-size: 0.76rem; }
.matrix thead th:first-child { font: inherit; font-size: 0.8rem; color: var(--faint); overflow-wrap: normal; }
.matrix tbody th { position: sticky; left: 0; z-index: 1; background: var(--paper); min-width: 7.5rem;
  max-width: 11rem; padding: 0.5rem 0.6rem 0 0; overflow-wrap: anywhere; }
.cell { display: block; width: clamp(9.2rem, calc(70rem / var(--columns, 7)), 13.5rem); padding: 0.25rem;
  border: 0; background: none; border-radius: 9px;
  cursor: pointer; text-align: left; }
.cell svg { display: block; width: 100%; border-radius: 6px; }
.cell.empty svg { opacity: 0.4; }
.cell:hover { background: var(--soft); }
.cell[aria-pressed=true] { background: var(--accent); color: var(--card); }
.under { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.1rem 0.4rem; padding: 0.2rem 0.15rem 0;
  font-size: 0.76rem; font-variant-numeric: tabular-nums; }
.missing { color: var(--bad); overflow-wrap: anywhere; }
.cell[aria-pressed=true] .missing { color: inherit; }
.none { color: var(--faint); text-align: center; vertical-align: middle; }
.numbers, .record { margin-top: 0.9rem; } .numbers td, .numbers th { padding-right: 1.4rem; }
.numbers summary, .record summary { font-weight: 600; font-size: 0.95rem; }
.numbers table, .segmentation table, .statuses table, .failures table { margin-top: 0.5rem; }
.numbers tbody tr, .segmentation tbody tr, .statuses tbody tr, .failures tbody tr {
  border-top: 1px solid var(--rule); }
.group th { padding-top: 0.8rem; } .mean { font-weight: 650; }
.segmentation td, .segmentation th { padding-right: 2rem; }
.number small { white-space: nowrap; } #pin { margin-top: 0.5rem; } .statuses details { margin-top: 0.7rem; }
.foot { border-top: 1px solid var(--rule); margin-top: 3rem; padding: 1rem 0 2rem; color: var(--faint);
  font-size: 0.88rem; }

@media (max-width: 60rem) { .desk { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 40rem) {
  main, .top > div, .foot > div { padding: 0 1rem; }
  .matrix tbody th { min-width: 5.2rem; max-width: 6.4rem; font-size: 0.76rem; }
  .cell { width: 7.6rem; } .tile { flex-basis: calc(50% - 0.5rem); } .frame { flex-basis: 7rem; }
  .slider { grid-template-columns: 5.4rem 1fr 3rem; }
  .facts dl > div, .record dl > div { grid-template-columns: 7.4rem 1fr; } }
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --faint: #444; --rule: #bbb; }
  body { font-size: 10pt; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scripted, .film, .walk, .copy, details:not([open]) { display: none !important; }
  article[hidden], .variant[hidden] { display: block !important; }
  .js .printed { display: block; } .case { break-before: page; } .scroll { overflow: visible; }
  path { vector-effect: none !important; } .line { stroke-width: calc(var(--unit) * 3.5px) !important; }
  .casing { stroke-width: calc(var(--unit) * 8px) !important; }
  .tile { flex-basis: 5.4cm; } .matrix tbody th { min-width: 1.9cm; max-width: 2.4cm; }
  .cell { width: clamp(2cm, calc(14.5cm / var(--columns, 5)), 4cm); }
  .cell[aria-pressed=true] { background: none; color: inherit; }
  tr, .tile, .card { break-inside: avoid; } .matrix tbody th { position: static; } }
]==]

--- The text of the style sheet.
---@return string
function M.text()
  local text = STYLE:gsub("VIRIDIS", table.concat(colours.hex "viridis", ", "))
  return text
end

return M
