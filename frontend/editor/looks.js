// How the editor looks: the tokens of static/style.css, which know light and dark.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Prec } from "@codemirror/state";
import { Decoration, EditorView, MatchDecorator, ViewPlugin } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--bg)", fontSize: "var(--fs-s)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px", overflow: "auto" },
  ".cm-content": { caretColor: "var(--text)", padding: "var(--s1) 0" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground, .cm-content ::selection": {
    backgroundColor: "var(--selected)",
  },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--hover) 60%, transparent)" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--muted)", borderRight: "1px solid var(--line)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--hover)", color: "var(--text)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--mark)", outline: "none" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunken)", borderColor: "var(--line)", color: "var(--muted)" },
  ".cm-tooltip": {
    backgroundColor: "var(--bg)", color: "var(--text)", border: "1px solid var(--line-strong)",
    borderRadius: "var(--radius)", fontFamily: "var(--font)", fontSize: "var(--fs)", maxWidth: "min(560px, 92vw)",
  },
  ".cm-tooltip .cm-tooltip-section": { padding: "var(--s2) var(--s3)" },
  ".cm-tooltip-section:not(:first-child)": { borderTopColor: "var(--line)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "var(--fs-s)", maxHeight: "240px", maxWidth: "min(620px, 94vw)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px var(--s2)", lineHeight: "20px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionDetail": { color: "var(--muted)", fontStyle: "normal", marginLeft: "var(--s3)" },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionMatchedText": { fontWeight: "600", textDecoration: "none" },
  ".cm-tooltip.cm-completionInfo": { padding: "var(--s2) var(--s3)" },
  ".cm-diagnostic": { padding: "var(--s1) var(--s2)" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--bad)" },
  ".cm-diagnostic-warning": { borderLeft: "4px solid var(--warn)" },
  ".cm-diagnostic-info": { borderLeft: "4px solid var(--line-strong)" },
  ".cm-diagnosticAction": {
    font: "inherit", padding: "2px var(--s2)", border: "1px solid var(--line-strong)", borderRadius: "var(--radius)",
    backgroundColor: "var(--bg)", color: "var(--text)", cursor: "pointer",
  },
  ".cm-lintRange": { backgroundImage: "none", textDecoration: "underline wavy 1px", textUnderlineOffset: "3px", paddingBottom: "0" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecorationColor: "var(--bad)" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecorationColor: "var(--warn)" },
  ".cm-lintRange-info": { backgroundImage: "none", textDecoration: "underline dotted 1px", textDecorationColor: "var(--muted)" },
  ".cm-lintRange-active": { backgroundColor: "var(--mark)" },
  ".cm-lintPoint:after": { borderBottomColor: "var(--warn)" },
  ".cm-lint-marker": { width: "11px", height: "11px" },
  ".cm-lint-marker-error": { content: "none", background: "var(--bad)", borderRadius: "50%" },
  ".cm-lint-marker-warning": { content: "none", background: "var(--warn)", clipPath: "polygon(50% 0, 100% 100%, 0 100%)" },
  ".cm-lint-marker-info": { content: "none", border: "2px solid var(--muted)", borderRadius: "50%", boxSizing: "border-box" },
  ".cm-panels": { backgroundColor: "var(--panel)", color: "var(--text)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-panel.cm-search": { padding: "var(--s2)", fontFamily: "var(--font)" },
  ".cm-panel.cm-search label": { fontSize: "var(--fs-s)" },
  ".cm-textfield": { backgroundColor: "var(--bg)", color: "var(--text)", border: "1px solid var(--line-strong)", fontSize: "var(--fs)" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--bg)", color: "var(--text)", border: "1px solid var(--line-strong)", borderRadius: "var(--radius)", fontSize: "var(--fs)" },
  ".cm-panel.cm-search [name=close]": { color: "var(--text)", width: "24px", height: "24px" },
  ".cm-searchMatch": { backgroundColor: "var(--mark)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--selected)", outline: "1px solid var(--accent)" },
  ".cm-linked": { backgroundColor: "var(--selected)" },
  ".cm-marks .cm-gutterElement": { width: "18px", display: "grid", placeItems: "center" },
  ".cm-marks .icon": { width: "13px", height: "13px", strokeWidth: "2" },
  ".cm-specialChar": { color: "var(--bad)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--code-key)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-str)" },
  { tag: [tags.lineComment, tags.comment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.meta, tags.labelName, tags.typeName, tags.keyword], color: "var(--code-mod)" },
]);

// Sigma's own words, which YAML does not know: modifiers behind a field, and the words of a condition.
const modifiers = new MatchDecorator({
  regexp: /(\|[a-z0-9_]+)(?=[|:a-z0-9_]*:(?:\s|$))/gi,
  decoration: Decoration.mark({ class: "c-mod" }),
});
const conditions = new MatchDecorator({
  regexp: /^\s*(?:- )?condition:\s.*$/gm,
  decorate: (add, from, to, match) => {
    for (const word of match[0].matchAll(/(?<=[\s(])(?:and|or|not|(?:1|all|any) of(?: them)?)(?=[\s)]|$)/gi)) {
      add(from + word.index, from + word.index + word[0].length, Decoration.mark({ class: "c-mod" }));
    }
  },
});

function painted(matcher) {
  return ViewPlugin.define(
    (view) => ({
      decorations: matcher.createDeco(view),
      update(update) {
        this.decorations = matcher.updateDeco(update, this.decorations);
      },
    }),
    { decorations: (plugin) => plugin.decorations },
  );
}

export const looks = [theme, syntaxHighlighting(colours), Prec.highest(painted(modifiers)), Prec.highest(painted(conditions))];
