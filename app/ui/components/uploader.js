// Sends files one request each, three at a time, straight to disk on the server. File names are text, never markup.

const AT_ONCE = 3;

function size(bytes) {
  if (bytes < 999500) return `${Math.max(1, Math.round(bytes / 1000)).toLocaleString("en")} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

async function entries(items) {
  const found = [];
  const visit = async (entry) => {
    if (entry.isFile) {
      found.push(await new Promise((done, fail) => entry.file(done, fail)));
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const batch = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!batch.length) return;
      for (const child of batch) await visit(child);
    }
  };
  for (const entry of items) await visit(entry);
  return found.filter((file) => !file.name.startsWith("."));
}

// Whether a file with a known name is a new version: as the box above shows it, which may be newer than the server's.
function settledReplace(drop) {
  const box = document.querySelector(".st-key-replace input[type=checkbox]");
  return (box ? box.checked : drop.latest.replace !== "") ? "same-name" : "";
}

// What the field above shows may be newer than what the server has told us: wait until they agree, so that no file
// goes to the readers of a moment ago. Undefined when they never do.
async function settledReaders(drop) {
  for (let tries = 0; tries < 100; tries += 1) {
    const tags = document.querySelectorAll(".st-key-new_readers [data-tag]");
    const shown = new Set([...tags].map((tag) => tag.getAttribute("aria-label")));
    const { names, readers } = drop.latest;
    if (shown.size === names.length && names.every((name) => shown.has(name))) return readers;
    await new Promise((done) => setTimeout(done, 100));
  }
  return undefined;
}

function row(list, name) {
  const item = document.createElement("li");
  const label = document.createElement("span");
  label.className = "name";
  label.textContent = name;
  const state = document.createElement("span");
  state.className = "state";
  state.textContent = "waiting";
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Upload of ${name}`);
  item.append(label, bar, state);
  list.append(item);
  return { item, bar, state };
}

function explain(request) {
  let answer = {};
  try { answer = JSON.parse(request.responseText); } catch { /* not ours: the status says enough */ }
  if (request.status >= 200 && request.status < 300) {
    if (answer.known) return ["same", "already here"];
    return ["done", answer.replaced ? "received as a new version" : "received"];
  }
  const why = answer.error && typeof answer.error === "object" ? answer.error.message : answer.error || answer.detail;
  if (request.status === 0) return ["failed", "the connection broke; drop the file again"];
  if (request.status === 401) return ["failed", "you are signed out; sign in and drop the file again"];
  return ["failed", typeof why === "string" ? why : `the server answered ${request.status}`];
}

function send(file, list, readers, replace) {
  const { item, bar, state } = row(list, file.name);
  return {
    start: () => new Promise((resolve) => {
      const request = new XMLHttpRequest();
      if (readers === undefined) {
        item.className = "failed";
        state.textContent = "not sent: choose who may read it, then drop it again";
        bar.remove();
        resolve("failed");
        return;
      }
      const query = new URLSearchParams({ name: file.name, readers, ...(replace && { replace }) });
      request.open("PUT", `/api/upload?${query}`);
      request.setRequestHeader("x-footnote-upload", "1");
      request.upload.onprogress = (event) => {
        bar.value = event.total ? event.loaded / event.total : 0;
        state.textContent = `${size(event.loaded)} of ${size(event.total)}`;
      };
      request.onloadend = () => {
        const [kind, words] = explain(request);
        item.className = kind;
        state.textContent = words;
        bar.remove();
        if (kind === "done") setTimeout(() => item.remove(), 4000); // the list below shows it from here on
        resolve(kind);
      };
      request.send(file);
    }),
  };
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const drop = parentElement.querySelector(".drop");
  const list = parentElement.querySelector("ul");
  drop.latest = data;
  if (drop.ready) { drop.trigger = setTriggerValue; return; }
  drop.ready = true;
  drop.trigger = setTriggerValue;

  const take = async (files) => {
    const chosen = [...files]; // a list of the browser's own may be emptied while we wait
    const replace = settledReplace(drop);
    const readers = await settledReaders(drop);
    const twice = (file) => chosen.filter((other) => other.name === file.name).length > 1; // README.md of two folders
    const waiting = chosen.map((file) => send(file, list, readers, twice(file) ? "" : replace));
    let sent = 0;
    const lane = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        await next.start();
        sent += 1;
        if (sent === 1) drop.trigger("done", Date.now());
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    if (sent) drop.trigger("done", Date.now());
  };

  const input = parentElement.querySelector("input");
  const takeChosen = () => {
    const chosen = [...input.files];
    input.value = "";
    if (chosen.length) take(chosen);
  };
  input.onchange = takeChosen;
  takeChosen(); // files chosen before this script was there
  drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const items = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    take(items.length ? await entries(items) : event.dataTransfer.files);
  };
}
