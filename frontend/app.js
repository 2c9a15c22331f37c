// Everything that moves on a page. Each module looks for its own data attributes and works without the others;
// without any script the pages still work as plain links and forms.
import "./htmx.js";
import "./events.js";
import "./explain.js";
import "./hits.js";
import "./keep_place.js";
import "./keyboard.js";
import "./pins.js";
import "./send_at_once.js";
import "./sent_text.js";
import "./theme.js";
import "./upload.js";
import "./values.js";
