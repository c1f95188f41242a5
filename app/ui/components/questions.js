// Sends a file of questions to the address it is given, and tells the page in words what came of it.

function explain(status, answer) {
  if (status === 200) return { ok: true, words: answer.message };
  if (status === 0) return { ok: false, words: "The connection broke. Choose the file again." };
  if (status === 401) return { ok: false, words: "You are signed out. Sign in and choose the file again." };
  const why = answer.error && answer.error.message;
  return { ok: false, words: why || `The server answered ${status}.` };
}

async function send(address, file) {
  try {
    const query = new URLSearchParams({ name: file.name });
    const headers = { "x-footnote-upload": "1" };
    const response = await fetch(`${address}?${query}`, { method: "PUT", body: file, headers });
    let answer = {};
    try { answer = await response.json(); } catch { /* not ours: the status says enough */ }
    return explain(response.status, answer);
  } catch {
    return explain(0, {});
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const input = parentElement.querySelector("input");
  const state = parentElement.querySelector("output");
  input.onchange = async () => {
    const [file] = input.files;
    if (!file) return;
    state.textContent = "Reading the file";
    const { ok, words } = await send(data.address, file);
    input.value = "";
    state.textContent = ok ? "" : words;
    if (ok) setTriggerValue("done", words);
  };
}
