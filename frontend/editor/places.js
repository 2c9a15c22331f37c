// From the places of findings to positions in the editor. The server counts lines as YAML does, where three more
// characters end a line than in the editor, and columns in whole characters; both count from 1.
const LINE_ENDS = /\r\n|[\n\r\u0085\u2028\u2029]/g;

export function placesOf(text) {
  const starts = [0];
  const ends = [];
  for (const end of text.matchAll(LINE_ENDS)) {
    ends.push(end.index);
    starts.push(end.index + end[0].length);
  }
  ends.push(text.length);
  return {
    // The position of a line and column; what lies outside is moved to the nearest place inside.
    position(line, column) {
      const at = Math.min(Math.max(line, 1), starts.length) - 1;
      const units = [...text.slice(starts[at], ends[at])].slice(0, Math.max(column, 1) - 1).join("").length;
      return starts[at] + units;
    },
    // [from, to] of the word that stands at a position: a quoted text, a name, or the rest of the line.
    word(from) {
      const end = ends[ends.findIndex((one) => one >= from)] ?? text.length;
      const rest = text.slice(from, end);
      const found = /^'(?:[^']|'')*'|^"(?:[^"\\]|\\.)*"|^[\w.|*-]+(?=\s*:(?:\s|$))|^[^\s#][^#]*?(?=\s*(?:#|$))/.exec(rest);
      return [from, from + (found?.[0].length || Math.min(1, rest.length))];
    },
  };
}
