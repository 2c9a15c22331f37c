// What `style-mod` is replaced with in the bundle: CodeMirror's styles as a style sheet that the page adopts.
// The original writes a <style> element into a document, which our content security policy refuses.
import { StyleModule as Rules } from "../../node_modules/style-mod/src/style-mod.js";

const mounted = new WeakMap(); // document or shadow root -> { sheet, modules }

export class StyleModule extends Rules {
  // Later modules win over earlier ones, so a new list goes behind what is there.
  static mount(root, modules) {
    if (!mounted.has(root)) {
      const sheet = new CSSStyleSheet();
      root.adoptedStyleSheets = [sheet, ...root.adoptedStyleSheets];
      mounted.set(root, { sheet, modules: [] });
    }
    const known = mounted.get(root);
    const fresh = [modules].flat().filter((one) => !known.modules.includes(one));
    if (!fresh.length) return;
    known.modules.push(...fresh);
    known.sheet.replaceSync(known.modules.map((one) => one.getRules()).join("\n"));
  }
}
