// What may be written at a place of a rule.
import { contextAt, logsourceOf, selectionNames } from "./context.js";
import { counts, fields, share, words } from "./words.js";

const WORD = /[\w.*-]*$/;
const option = (label, detail = "", more = {}) => ({ label, detail, type: "text", ...more });
const key = ({ name, about }) => option(name, about, { type: "property", apply: `${name}: ` });

export async function complete(context) {
  const at = contextAt(context.state.doc, context.pos);
  const from = context.pos - WORD.exec(at.before)[0].length;
  const isStarted = from < context.pos || at.before.endsWith("|") || at.key !== "";
  if (!context.explicit && !isStarted) return null;
  const options = await optionsAt(at, context.state.doc);
  return options.length && !context.aborted ? { from, options, validFor: /^[\w.*-]*$/ } : null;
}

async function optionsAt(at, doc) {
  const known = await words();
  const [first = "", second = ""] = at.path;
  if (first === "") return ofHead(at, known);
  if (first === "tags") return known.tags.map((tag) => option(tag.name, tag.about));
  if (first === "logsource") return ofLogsource(at, known, logsourceOf(doc));
  if (first === "correlation") return ofCorrelation(at, known, doc);
  if (first !== "detection" && first !== "filter") return [];
  if (at.key === "condition" || second === "condition") return ofCondition(known, doc);
  if (at.path.length === 1 && !at.isItem) return known.detection_keys.map(key);
  if (at.key !== "") return [];
  return at.before.includes("|") ? ofModifiers(at, known) : ofFields(logsourceOf(doc));
}

function ofHead(at, known) {
  if (at.key === "level") return known.levels.map((name, rank) => option(name, "", { boost: -rank }));
  if (at.key === "status") return known.statuses.map((name) => option(name));
  return at.key === "" && !at.isItem ? known.keys.map(key) : [];
}

// Only what some log source of the model has together with the parts that are there.
function ofLogsource(at, known, chosen) {
  const parts = ["category", "product", "service"];
  if (at.key === "") return parts.filter((part) => !chosen[part]).map((name) => key({ name, about: "" }));
  const place = parts.indexOf(at.key);
  if (place < 0) return [];
  const fits = (source) => parts.every((part, n) => n === place || !chosen[part] || source.parts[n] === chosen[part].toLowerCase());
  const found = new Map();
  for (const source of known.sources.filter(fits)) {
    const name = source.parts[place];
    if (name !== "*" && !found.has(name)) found.set(name, option(name, source.events));
  }
  return [...found.values()];
}

function ofCorrelation(at, known, doc) {
  if (at.key === "type") return known.correlation_types.map((name) => option(name));
  if (at.path.length === 1 && at.key === "") return known.correlation_keys.map(key);
  return at.key === "" && at.path[1] !== "group-by" ? [] : ofFields(logsourceOf(doc));
}

function ofCondition(known, doc) {
  const names = selectionNames(doc);
  const stems = new Set(names.filter((name) => name.includes("_")).map((name) => `${name.split("_")[0]}_*`));
  return [
    ...names.map((name) => option(name, "selection", { type: "variable", boost: 2 })),
    ...[...stems].flatMap((stem) => [option(`1 of ${stem}`, "any of them"), option(`all of ${stem}`, "every one")]),
    ...known.condition_words.map(({ name, about }) => option(name, about, { type: "keyword" })),
  ];
}

function ofModifiers(at, known) {
  const there = new Set(at.before.split("|").slice(1, -1));
  return known.modifiers.filter(({ name }) => !there.has(name)).map(({ name, about }) => option(name, about, { type: "keyword" }));
}

async function ofFields(logsource) {
  const [found, counted] = await Promise.all([fields(logsource), counts(logsource)]);
  return Object.entries(found.fields).map(([name, mappings]) => {
    const count = counted?.fields[name] ?? 0;
    const lambda = mappings[0]?.lambda ?? "";
    const detail = counted ? `${share(name, counted)}  ${lambda}` : lambda;
    return option(name, detail, { type: "property", boost: count ? Math.min(50, 1 + Math.log2(count)) : 0 });
  });
}
