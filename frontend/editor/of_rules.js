// What the editor of a rule has over that of any YAML: completion, what a field maps to, how each line came out.
import { autocompletion, startCompletion } from "@codemirror/autocomplete";
import { keymap } from "@codemirror/view";

import { complete } from "./complete.js";
import { hover, hoverByKey } from "./hover.js";
import { marks } from "./marks.js";

export const ofRules = [
  marks,
  keymap.of([{ key: "Mod-Space", run: startCompletion }]),
  autocompletion({ override: [complete], icons: false, maxRenderedOptions: 80 }),
  hover,
  hoverByKey,
];
