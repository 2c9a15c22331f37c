// The hits page by keyboard and in bulk: open and step through hits, judge, select, zoom by dragging over bars.
// Links and forms of the page do the work; without this file they still do, one click at a time.
const VERDICTS = { 1: "true_positive", 2: "benign", 3: "false_positive", 4: "unsure" };

const MARKS = { s: "star", a: "me" };

const browse = () => document.getElementById("browse");
const slide = () => document.querySelector("#event[data-hit]");
const rows = () => [...document.querySelectorAll("#hits .hit-body")];
const currentRow = () => document.activeElement?.closest?.(".hit-body") ?? document.querySelector(".hit-body[aria-current]");
const typing = (element) => element.closest?.("input:not([type=checkbox], [type=radio]), textarea, select");
const selected = () => document.querySelectorAll("#hits input[name=hit]:checked");

// Before House's keys: what they mean here depends on what is open or selected.
document.addEventListener("keydown", (event) => {
  if (!browse() || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector(".menu:popover-open, #keys:popover-open")) return;
  const act = { j: () => step(1), k: () => step(-1), Enter: enter, Escape: escape }[event.key] ?? (VERDICTS[event.key] && (() => judge(event.key))) ?? (MARKS[event.key] && (() => mark(event.key)));
  if (!act?.()) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// j and k go on from the open hit even when the focus is inside the slide-over, and open the next one there.
function step(by) {
  const all = rows();
  const at = all.indexOf(currentRow());
  const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  if (!next) return false;
  focusRow(next);
  if (slide() && next.dataset.hit !== slide().dataset.hit) open(next);
  return true;
}

function enter() {
  const row = document.activeElement?.closest?.(".hit-body");
  if (!row || document.activeElement !== row) return false;
  if (slide()?.dataset.hit === row.dataset.hit) document.getElementById("event-title").focus();
  else open(row);
  return true;
}

function escape() {
  const pick = document.querySelector(".pick[open]");
  if (pick) {
    pick.open = false;
    pick.querySelector("summary").focus();
  } else if (slide()) close();
  else if (selected().length) document.getElementById("bulk").reset(), tell();
  else return false;
  return true;
}

function open(row) {
  row.querySelector("[data-open]").click();
}

function focusRow(row) {
  row.tabIndex = -1;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

// Back to the row that was open, without asking the server.
function close() {
  const address = slide().querySelector("[data-close]").getAttribute("href");
  const row = document.querySelector(".hit-body[aria-current]");
  const closed = document.createElement("aside");
  closed.className = "slide";
  closed.id = "event";
  slide().replaceWith(closed);
  row?.removeAttribute("aria-current");
  history.pushState({ htmx: true }, "", address);
  if (row) focusRow(row);
}

// A selection first, then the open hit, then the row that has the focus.
function judge(key) {
  const many = selected().length > 0;
  if (!many && slide()) return press(document.getElementById(`judge-${key}`));
  if (many) return press(document.querySelector(`.bulk [value=${VERDICTS[key]}]`));
  return send(browse().dataset.judge, { verdict: VERDICTS[key] });
}

// Star it, or take it: the selection, the open hit or the row that has the focus, as with verdicts.
function mark(key) {
  const name = MARKS[key];
  if (selected().length) return press(document.getElementById(`bulk-${name}`));
  if (slide()) return press(document.getElementById(`mark-${name}`));
  if (key === "s") return press(currentRow()?.querySelector("button.star"));
  return send(browse().dataset.assign, { me: "yes" });
}

function send(address, more) {
  const row = currentRow();
  const box = row?.querySelector("input[name=hit]");
  if (!box) return false;
  const values = { hit: box.value, query: document.querySelector("#bulk [name=query]").value, ...more };
  window.htmx.ajax("POST", address, { source: row, values, swap: "none", selectOOB: "#messages" });
  return true;
}

function press(button) {
  button?.click();
  return Boolean(button);
}

function toggleStar(star) {
  const values = { [star.name]: star.value, query: star.form.elements.query.value, open: slide()?.dataset.hit ?? "" };
  window.htmx.ajax("POST", star.form.action, { source: star.closest(".hit-body"), values, swap: "none", selectOOB: "#messages" });
}

// After a verdict: the next hit that nobody judged, opened when the slide-over is.
document.addEventListener("htmx:afterRequest", (event) => {
  const { requestConfig, successful } = event.detail;
  if (!successful || requestConfig.path !== browse()?.dataset.judge || !requestConfig.parameters.verdict) return;
  const all = rows();
  const from = all.indexOf(currentRow());
  const next = all.slice(from + 1).find((row) => !row.querySelector("[data-verdict]").dataset.verdict);
  document.getElementById("bulk")?.reset();
  tell();
  if (next && from >= 0) {
    focusRow(next);
    if (slide()) open(next);
  }
});

document.addEventListener("click", (event) => {
  const star = event.target.closest("button.star");
  if (star) {
    event.preventDefault();
    toggleStar(star);
  }
  const stepper = event.target.closest("[data-step]");
  if (stepper) step(stepper.dataset.step === "j" ? 1 : -1);
  if (event.target.closest("[data-close]")) {
    event.preventDefault();
    close();
  }
});

// The row of the hit that was opened is marked, and keeps the focus so that j, k and the verdicts go on from it.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.requestConfig?.target?.id !== "event" && event.detail.target?.id !== "event") return;
  for (const row of rows()) {
    if (row.dataset.hit === slide()?.dataset.hit) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
});

// --- selection

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-check-all]")) {
    for (const box of document.querySelectorAll("#hits input[name=hit]")) box.checked = event.target.checked;
  }
  if (event.target.form?.id === "bulk") tell();
});
document.addEventListener("reset", (event) => event.target.id === "bulk" && setTimeout(tell));

function tell() {
  const count = document.querySelector("[data-selected]");
  if (count) count.textContent = `${selected().length} selected`;
}

// --- values: the menu's addresses are made when it is asked for, which keeps a page of a hundred hits small

for (const type of ["contextmenu", "keydown"]) {
  window.addEventListener(type, (event) => {
    const value = event.target.closest?.("a.val[data-param]");
    if (value) complete(value);
  }, true);
}

function complete(value) {
  const { param } = value.dataset;
  const shown = value.dataset.value ?? value.textContent;
  value.dataset.field ??= param === "q" ? "text" : param.replace(/^event\.(EventData\.)?/, "");
  value.dataset.value = shown;
  value.dataset.not = address({ [`not.${param}`]: shown });
  if (param !== "q" && document.getElementById("stacks")) value.dataset.stack = address({ stack: param });
}

function address(changes) {
  const query = new URLSearchParams(location.search);
  for (const name of ["after", "before"]) query.delete(name);
  for (const [name, text] of Object.entries(changes)) {
    if (name.startsWith("not.")) query.append(name, text);
    else query.set(name, text);
  }
  return `${browse().dataset.url}?${query}`;
}

// --- the histogram: dragging over bars sets the range

let dragged;

document.addEventListener("pointerdown", (event) => {
  const plot = event.target.closest(".hist-svg[data-first]");
  if (plot && event.button === 0) dragged = { plot, from: event.clientX };
});

document.addEventListener("pointerup", (event) => {
  if (!dragged) return;
  const { plot, from } = dragged;
  dragged = undefined;
  if (Math.abs(event.clientX - from) < 6) return;
  const times = [from, event.clientX].sort((a, b) => a - b).map((x) => moment(plot, x));
  const query = new URLSearchParams(location.search);
  for (const name of ["after", "before"]) query.delete(name);
  query.set("from", times[0]);
  query.set("to", times[1]);
  plot.addEventListener("click", (click) => click.preventDefault(), { capture: true, once: true });
  location.assign(`${browse().dataset.url}?${query}`);
});

document.addEventListener("dragstart", (event) => dragged && event.preventDefault()); // or the link under it would be dragged

function moment(plot, x) {
  const box = plot.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (x - box.left) / box.width));
  const first = Number(plot.dataset.first);
  const micros = first + share * (Number(plot.dataset.last) - first);
  return new Date(micros / 1000).toISOString().replace("Z", "");
}
