// Evidence goes up one file a request, two at a time, as its raw bytes: each has its own progress and its own answer.
const form = document.getElementById("upload");
const AT_ONCE = 2;
const waiting = [];
let running = 0;

form?.querySelector("input[type=file]").addEventListener("change", (event) => {
  take([...event.target.files]);
  event.target.value = "";
});

for (const type of ["dragover", "drop"]) {
  document.addEventListener(type, async (event) => {
    if (!form || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (type === "drop") take(await dropped(event.dataTransfer));
  });
}

window.addEventListener("beforeunload", (event) => {
  if (running || waiting.length) event.preventDefault();
});

// All files of what was dropped; folders are searched deep.
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return found;
}

async function walk(entry, found) {
  if (entry.isFile) {
    found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A reader gives at most a hundred entries at once.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) await walk(one, found);
  }
}

function take(files) {
  const box = document.getElementById("uploads");
  box.hidden = files.length === 0 && box.childElementCount === 0;
  for (const file of files) {
    const job = { file, row: line(file) };
    job.row.stop.addEventListener("click", () => drop(job), { once: true });
    box.append(job.row.element);
    waiting.push(job);
  }
  while (running < AT_ONCE && waiting.length) send(waiting.shift());
}

// Stopped before its turn came.
function drop(job) {
  const at = waiting.indexOf(job);
  if (at < 0) return;
  waiting.splice(at, 1);
  job.row.fail("Stopped by you before it was sent.");
}

function send({ file, row }) {
  running += 1;
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
  request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
  const began = performance.now();
  request.upload.addEventListener("progress", (event) => row.show(event.loaded, file.size, (performance.now() - began) / 1000));
  request.addEventListener("load", () => row.answer(request));
  request.addEventListener("error", () => row.fail("The connection broke before the file was up. Add it again."));
  request.addEventListener("abort", () => row.fail("Stopped by you. Nothing of the file was kept."));
  request.addEventListener("loadend", () => {
    running -= 1;
    if (waiting.length) send(waiting.shift());
    window.htmx.trigger("#evidence", "refresh");
  });
  row.stop.addEventListener("click", () => request.abort());
  request.send(file);
}

// One row of the list of uploads. The file's name is somebody's text: it is only ever set as text.
function line(file) {
  const element = document.getElementById("upload-row").content.firstElementChild.cloneNode(true);
  const part = (name) => element.querySelector(`[data-up="${name}"]`);
  part("name").textContent = file.name;
  part("said").textContent = `${bytes(file.size)}, waiting`;
  const end = (state, text) => {
    part("state").textContent = state;
    part("state").className = "small bad";
    part("said").textContent = text;
    part("stop").remove();
  };
  return {
    element,
    stop: part("stop"),
    show(sent, size, seconds) {
      const rate = sent / Math.max(seconds, 0.001);
      part("bar").setAttribute("width", `${(100 * sent) / Math.max(size, 1)}%`);
      part("state").textContent = sent < size ? "uploading" : "checking";
      part("said").textContent = `${bytes(sent)} of ${bytes(size)}, ${bytes(rate)}/s, ${Math.ceil((size - sent) / rate)} s left`;
    },
    answer(request) {
      if ([200, 422].includes(request.status)) window.htmx.swap(element, request.responseText, { swapStyle: "outerHTML" });
      else end("not taken", `The server answered ${request.status}. Nothing of the file was kept.`);
    },
    fail: (text) => end("not taken", text),
  };
}

function bytes(count) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let amount = count;
  let unit = units.shift();
  while (amount >= 999.95 && units.length) {
    amount /= 1000;
    unit = units.shift();
  }
  return `${amount.toFixed(unit === "bytes" ? 0 : 1)} ${unit}`;
}
