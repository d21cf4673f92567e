--- The script of a page. It reads what it needs from attributes of the page and never makes markup from texts.
local colours = require "fovea.report.page.colours"

local M = {}

local SCRIPT = [==[
"use strict";
(() => {
const colourMaps = COLOUR_MAPS;
const byId = id => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
document.documentElement.classList.add("js");
const cases = all("article.case");
if (!cases.length) return;
const stage = byId("stage"), form = document.querySelector("form.display");
let current = null;

/* --- colours: one pair of filters serves every map of the page --- */
const steps = 60;
function opacityTable(state) {
  const values = [];
  for (let i = 0; i <= steps; i++) {
    const at = i / steps;
    const v = state.part === "signed" ? Math.abs(2 * at - 1) : at;
    const faded = state.fade ? Math.min(1, v / OPAQUE_FROM) : 1;
    values.push(v + 1e-9 < state.cut ? 0 : (state.opacity * faded).toFixed(3));
  }
  return values.join(" ");
}
function readState() {
  return { opacity: byId("opacity").value / 100, cut: byId("cut").value / 100, part: byId("part").value,
    map: byId("part").value === "signed" ? "diverging" : byId("colours").value, fade: byId("fade").checked };
}
function paint() {
  const state = readState(), filter = byId("heat");
  const row = { positive: "1 0 0 0 0", negative: "0 1 0 0 0", signed: "0 0 1 0 0" }[state.part];
  filter.querySelector(".pick").setAttribute("values", `${row} ${row} ${row} 0 0 0 0 1`);
  filter.querySelector(".pick-opacity").setAttribute("values", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 " + row);
  const map = colourMaps[state.map].split(" ");
  [["feFuncR", 1], ["feFuncG", 3], ["feFuncB", 5]].forEach(([name, at]) =>
    filter.querySelector(name).setAttribute("tableValues",
      map.map(c => (parseInt(c.slice(at, at + 2), 16) / 255).toFixed(3)).join(" ")));
  filter.querySelector("feFuncA").setAttribute("tableValues", opacityTable(state));
  byId("opacity-value").textContent = byId("opacity").value + " %";
  byId("cut-value").textContent = byId("cut").value + " %";
  byId("colours").disabled = state.part === "signed";
  byId("legend-bar").style.background = `linear-gradient(to right, ${map.join(", ")})`;
  const root = document.documentElement.classList;
  for (const name of ["target", "prediction", "truth", "heat", "tint"])
    root.toggle("no-" + name, !byId("show-" + name).checked);
  root.toggle("cells", byId("cells").checked);
  legend();
}

/* --- the chosen map --- */
const digits = v => !isFinite(v) ? "?" : v === 0 ? "0" : Math.abs(v) >= 0.01 && Math.abs(v) < 1e4
  ? String(+v.toPrecision(3)) : v.toExponential(1);
function legend() {
  if (!current) return;
  const part = byId("part").value, has = "map" in current.dataset;
  const number = name => name in current.dataset ? +current.dataset[name] : NaN;
  const high = Math.max(0, number("high")), low = Math.max(0, -number("low")), most = Math.max(high, low);
  const ends = { positive: [0, high], negative: [0, -low], signed: [-most, most] }[part];
  byId("legend-low").textContent = has ? digits(ends[0]) : "";
  byId("legend-high").textContent = has ? digits(ends[1]) : "";
  byId("legend-bar").hidden = !has;
  byId("legend-text").textContent = !has
    ? ("drawn" in current.dataset ? "As it was drawn when it was made: the display settings do not apply."
      : "There is no map to show.")
    : part === "signed" ? "Values of the raw map; zero is white. Colours span the largest absolute value of this map."
    : `Values of the raw map, ${part} part. Colours span this map alone.`;
}
function rangeText(cell) {
  const { low, high } = cell.dataset;
  return low === undefined || high === undefined ? "" : `, raw map ${digits(+low)} to ${digits(+high)}`;
}
function put(element, id) {
  if (id) element.setAttribute("href", "#" + id); else element.removeAttribute("href");
}
function draw(svg, cell) {
  const data = cell.closest("article").dataset, [width, height] = data.size.split(" ");
  const title = all("h2 > bdi, h2 small bdi", cell.closest("article")).map(e => e.textContent).join(", ");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.style.setProperty("--shape", width / height);
  svg.setAttribute("aria-label", cell.getAttribute("aria-label"));
  const ids = { picture: cell.dataset.drawn || data.image, tint: data.tint, heat: cell.dataset.map,
    prediction: data.prediction, truth: data.truth, target: cell.dataset.drawn ? "" : cell.dataset.target };
  for (const [name, id] of Object.entries(ids)) all("use." + name, svg).forEach(use => put(use, id));
  byId(svg.id + "-name").textContent = `${title}. ${cell.getAttribute("aria-label")}${rangeText(cell)}`;
  return ids;
}
/* A map that stays while others are chosen. */
function pin() {
  const on = byId("pin").getAttribute("aria-pressed") !== "true";
  byId("pin").setAttribute("aria-pressed", String(on));
  byId("pin").textContent = on ? "Let go of the second map" : "Keep beside the next map";
  byId("pinned").parentElement.hidden = !on;
  document.querySelector(".views").classList.toggle("two", on);
  if (on) draw(byId("pinned"), current);
}
function show(cell) {
  if (current) current.setAttribute("aria-pressed", "false");
  current = cell;
  cell.setAttribute("aria-pressed", "true");
  cell.closest("table").querySelectorAll(".cell").forEach(c => { c.tabIndex = c === cell ? 0 : -1; });
  const ids = draw(stage, cell);
  for (const name of ["target", "prediction", "truth", "heat", "tint"])
    byId("show-" + name).disabled = !ids[name];
  byId("facts").replaceChildren(cell.parentElement.querySelector("template").content.cloneNode(true));
  legend();
}
function choose(cell, keep) {
  openCase(cell.closest("article"));
  openVariant(cell.closest(".variant"));
  show(cell);
  if (!keep) history.replaceState(null, "", "#" + cell.id);
}

/* --- cases and variants --- */
function openCase(article) {
  cases.forEach(a => { a.hidden = a !== article; });
  all(".frame").forEach(f => {
    const on = f.getAttribute("href") === "#" + article.id;
    if (on) f.setAttribute("aria-current", "true"); else f.removeAttribute("aria-current");
    if (on) f.parentElement.scrollLeft = f.offsetLeft - f.parentElement.offsetLeft - f.offsetWidth;
  });
  const at = cases.indexOf(article);
  byId("previous").disabled = at === 0;
  byId("next").disabled = at === cases.length - 1;
  byId("where").textContent = `${at + 1} of ${cases.length}`;
}
function openVariant(variant) {
  const number = variant.dataset.variant, article = variant.closest("article");
  all(".variant", article).forEach(v => { v.hidden = v !== variant; });
  all(".segments button", article).forEach(b =>
    b.setAttribute("aria-pressed", String(b.dataset.variant === number)));
}
const placeOf = cell => {
  const row = cell.closest("tr");
  return [[...row.parentElement.children].indexOf(row), [...row.children].indexOf(cell.closest("td"))];
};
function cellAt(table, [row, column]) {
  const rows = table.tBodies[0].rows;
  const place = rows[Math.min(row, rows.length - 1)];
  const found = place && place.cells[Math.min(column, place.cells.length - 1)];
  return (found && found.querySelector(".cell")) || table.querySelector(".cell");
}
function goTo(article, variantNumber, place) {
  const variants = all(".variant", article);
  const variant = variants.find(v => v.dataset.variant === variantNumber) || variants[0];
  const cell = cellAt(variant.querySelector("table"), place);
  if (cell) choose(cell);
}
function sameIn(article) {
  goTo(article, current && current.closest(".variant").dataset.variant, current ? placeOf(current) : [0, 1]);
}
const active = () => cases.find(a => !a.hidden);

/* --- events --- */
document.addEventListener("click", event => {
  const cell = event.target.closest(".cell"), frame = event.target.closest("a[href^='#case-']");
  const tab = event.target.closest(".segments button"), copy = event.target.closest(".copy");
  if (cell) choose(cell);
  if (frame) {
    event.preventDefault();
    sameIn(byId(frame.getAttribute("href").slice(1)));
    if (!frame.classList.contains("frame")) document.querySelector(".film").scrollIntoView();
  }
  if (tab) goTo(tab.closest("article"), tab.dataset.variant, placeOf(current));
  if (copy && navigator.clipboard)
    navigator.clipboard.writeText(copy.parentElement.querySelector("code").textContent)
      .then(() => { copy.textContent = "Copied"; setTimeout(() => { copy.textContent = "Copy"; }, 1500); }, () => {});
});
document.addEventListener("keydown", event => {
  const cell = event.target.closest && event.target.closest(".cell");
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!cell || !step) return;
  event.preventDefault();
  const [row, column] = placeOf(cell), table = cell.closest("table");
  const wanted = [Math.max(0, row + step[0]), Math.max(1, column + step[1])];
  const found = cellAt(table, wanted);
  if (found) { choose(found); found.focus(); }
});
byId("previous").addEventListener("click", () => sameIn(cases[cases.indexOf(active()) - 1]));
byId("next").addEventListener("click", () => sameIn(cases[cases.indexOf(active()) + 1]));
byId("pin").addEventListener("click", pin);
form.addEventListener("input", paint);
form.addEventListener("submit", event => event.preventDefault());
form.addEventListener("reset", () => setTimeout(paint));
window.addEventListener("hashchange", start);
function start() {
  const wanted = location.hash && byId(location.hash.slice(1));
  if (wanted && wanted.classList.contains("cell")) {
    choose(wanted, true);
    document.querySelector(".film").scrollIntoView();
  }
  else if (wanted && wanted.classList.contains("case")) sameIn(wanted);
  else if (!current) {
    const drawn = [...document.querySelectorAll(".cell[data-map]")];
    const first = drawn.find(cell => !cell.querySelector(".badge")) || drawn[0] || document.querySelector(".cell");
    if (first) choose(first, true); else openCase(cases[0]);
  }
}
if (matchMedia("(max-width: 40rem)").matches) document.querySelector(".guide").open = false;
start();
paint();
})();
]==]

--- The text of the script.
---@return string
function M.text()
  local text = SCRIPT:gsub("COLOUR_MAPS", colours.script):gsub("OPAQUE_FROM", tostring(colours.OPAQUE_FROM))
  return text
end

return M
