// Where in a rule a position is. Read from lines and their indentation rather than from a syntax tree, since a text
// that is being written is mostly not YAML yet.
const KEY = /^(\s*(?:- +)*)([^\s:#'"\-][^:#]*?|'[^']*'|"[^"]*")\s*:(?=\s|$)/;

const bare = (key) => key.replace(/^['"]|['"]$/g, "");

// The keys that lead to a line, outermost first: ["detection", "selection"].
function pathTo(doc, number, indent) {
  const path = [];
  for (let n = number - 1; n >= 1 && indent > 0; n--) {
    const found = KEY.exec(doc.line(n).text);
    if (!found || found[1].length >= indent) continue;
    path.unshift(bare(found[2]));
    indent = found[1].length;
  }
  return path;
}

// { path, key, before, isItem }: the keys around a position, the key whose value it stands in ("" for a key's own
// place), and what stands before it there.
export function contextAt(doc, position) {
  const line = doc.lineAt(position);
  const lead = /^\s*(?:- +)*(?:-$)?/.exec(line.text.slice(0, position - line.from))[0];
  const rest = line.text.slice(lead.length, position - line.from);
  const dash = lead.indexOf("-");
  // A list may stand right below its key, without more indentation.
  const path = pathTo(doc, line.number, rest === "" && dash < 0 ? lead.length : dash < 0 ? lead.length : dash + 1);
  const found = KEY.exec(rest);
  if (found && rest.length > found[0].length) {
    return { path, key: bare(found[2]), before: rest.slice(found[0].length).trimStart(), isItem: dash >= 0 };
  }
  return { path, key: "", before: rest, isItem: dash >= 0 };
}

// The keys directly below a key of the first level, with their lines: ["selection", 12], ...
export function keysBelow(doc, name) {
  const keys = [];
  let inside = false;
  let indent = -1;
  for (let n = 1; n <= doc.lines; n++) {
    const found = KEY.exec(doc.line(n).text);
    if (!found) continue;
    const [, lead, key] = found;
    if (lead === "") {
      inside = bare(key) === name;
      indent = -1;
    } else if (inside) {
      if (indent < 0) indent = lead.length;
      if (lead.length === indent && !lead.includes("-")) keys.push([bare(key), n]);
    }
  }
  return keys;
}

export function selectionNames(doc) {
  return keysBelow(doc, "detection").map(([key]) => key).filter((key) => key !== "condition" && key !== "timeframe");
}

// The log source that the text names: { category, product, service }, "" for what it leaves open.
export function logsourceOf(doc) {
  const found = { category: "", product: "", service: "" };
  for (const [key, n] of keysBelow(doc, "logsource")) {
    const value = /:\s+['"]?([^'"#]*?)['"]?\s*(?:#.*)?$/.exec(doc.line(n).text)?.[1];
    if (key in found && value) found[key] = value.trim();
  }
  return found;
}
