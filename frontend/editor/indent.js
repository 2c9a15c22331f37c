// Below a key the text is indented as what already stands there, else by one step.
import { indentService } from "@codemirror/language";

const STEP = 4;

export const indent = indentService.of((context, position) => {
  const line = context.lineAt(position, -1);
  const key = /^\s*(?:- +)*(?=[^\s#].*:\s*$)/.exec(line.text);
  if (!key) return undefined; // what YAML itself says
  const { doc } = context.state;
  for (let n = doc.lineAt(position).number + 1; n <= doc.lines; n++) {
    const next = doc.line(n).text;
    if (next.trim() === "") continue;
    const there = /^ */.exec(next)[0].length;
    return there > key[0].length ? there : key[0].length + STEP;
  }
  return key[0].length + STEP;
});
