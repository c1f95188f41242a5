// Footnotes, the keyboard and the clipboard. It draws nothing but the passage that a footnote shows on hover.
// Texts reach the page through textContent only.

let lastShown = ""; // these outlive the component, which is made anew on other pages
let lastRunning = "";

const field = () => document.querySelector(".st-key-ask textarea, .st-key-search_query input");
const press = (key) => {
  const button = document.querySelector(`.st-key-${key} button`);
  if (button && !button.disabled) button.click();
  return Boolean(button);
};
const source = /^(cite|evidence|passage)-/;
// While an answer is written the page is drawn anew several times a second, and what is pressed meanwhile may be lost: it
// is said again until it shows. The panel's button may also come after the panel.
let opening = 0;
let closing = 0;
const closePanel = (tries = 40) => {
  clearTimeout(opening);
  clearTimeout(closing);
  if (!document.querySelector(".st-key-panel") || !tries) return;
  closing = setTimeout(() => closePanel(tries - 1), press("panel_close") ? 500 : 50);
};
const openPanel = (target, send, tries = 10) => {
  clearTimeout(opening);
  clearTimeout(closing);
  if (!tries) return;
  send("open", target);
  opening = setTimeout(() => { if (!lastShown.startsWith(`${target}/`)) openPanel(target, send, tries - 1); }, 1500);
};
const typing = (target) => target.closest && target.closest("input, textarea, select, [contenteditable=true]");
const inDialog = () => document.querySelector('[role="dialog"]');

function showTip(anchor, tip) {
  const title = document.createElement("b");
  title.textContent = anchor.dataset.source || "";
  tip.replaceChildren(title, document.createTextNode(anchor.dataset.passage));
  (document.querySelector(".stApp") || document.body).append(tip);
  const at = anchor.getBoundingClientRect();
  const size = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(12, Math.min(at.left - 12, window.innerWidth - size.width - 12))}px`;
  const below = at.bottom + 8;
  tip.style.top = `${below + size.height < window.innerHeight ? below : Math.max(8, at.top - size.height - 8)}px`;
}

async function copy(anchor, text) {
  if (!text) return;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea"); // plain http on a network address has no clipboard API
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  if (anchor.textContent === "Copied") return;
  const label = anchor.textContent;
  anchor.textContent = "Copied";
  setTimeout(() => { anchor.textContent = label; }, 1600);
}

function scrollToMark(tries) {
  const sheet = document.querySelector(".st-key-panel .sheet");
  const mark = sheet && sheet.querySelector(".on");
  const image = sheet && sheet.querySelector("img");
  if (!sheet || (image && !image.complete)) {
    if (tries > 0) setTimeout(() => scrollToMark(tries - 1), 60);
    return;
  }
  if (!mark) { sheet.scrollTop = 0; return; }
  const offset = mark.getBoundingClientRect().top - sheet.getBoundingClientRect().top;
  sheet.scrollTop += offset - sheet.clientHeight / 3;
}

function showQuestion() {
  const page = document.querySelector('[data-testid="stMainBlockContainer"]');
  const question = [...document.querySelectorAll(".q")].pop();
  if (!page || !question) return;
  // room for the answer below the question; it stays when the answer has ended, so that nothing jumps then
  page.style.paddingBottom = document.querySelector(".q.later") ? "calc(100dvh - 14rem)" : "";
  question.scrollIntoView();
}

function walk(step) {
  if (document.querySelector(".st-key-panel")) return press(step > 0 ? "panel_next" : "panel_previous");
  const chips = [...document.querySelectorAll(".a")].pop()?.querySelectorAll("a.c");
  const found = chips || document.querySelectorAll("a.hit");
  if (found.length) found[step > 0 ? 0 : found.length - 1].click();
  return true;
}

export default function (component) {
  const { data, setTriggerValue } = component;
  if (lastShown !== data.shown) {
    lastShown = data.shown;
    clearTimeout(opening);
    if (lastShown) setTimeout(() => scrollToMark(60), 30);
  }
  if (lastRunning !== data.running) {
    lastRunning = data.running;
    if (lastRunning) [80, 350].forEach((delay) => setTimeout(showQuestion, delay));
  }

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "tooltip");

  const onClick = (event) => {
    const anchor = event.target.closest && event.target.closest('a[href^="#"], a[data-copy]');
    if (!anchor || (anchor.dataset.copy && (event.ctrlKey || event.metaKey || event.shiftKey))) return;
    const target = anchor.getAttribute("href").slice(1);
    if (anchor.dataset.copy) copy(anchor, anchor.href);
    else if (source.test(target)) openPanel(target, setTriggerValue);
    else if (target.startsWith("copy-")) copy(anchor, document.getElementById(target)?.textContent);
    else return;
    event.preventDefault();
    event.stopPropagation();
    tip.remove();
  };
  const onOver = (event) => {
    const anchor = event.target.closest && event.target.closest("a[data-passage]");
    if (anchor) showTip(anchor, tip);
    else tip.remove();
  };
  const onOut = () => tip.remove();
  const onKey = (event) => {
    if (event.key === "Escape") {
      tip.remove();
      if (inDialog()) return;
      if (document.querySelector(".st-key-panel")) closePanel();
      else if (!press("stop")) return;
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || inDialog()) return;
    if (event.key === "/" && field()) field().focus();
    else if (event.key === "[" || event.key === "]") walk(event.key === "]" ? 1 : -1);
    else if ((event.key === "Enter" || event.key === " ") && event.target.matches('a[role="button"]')) event.target.click();
    else return;
    event.preventDefault();
  };

  const early = location.hash.slice(1); // chosen before this listened: the browser has followed the link itself
  if (source.test(early)) {
    history.replaceState(history.state, "", location.pathname + location.search);
    openPanel(early, setTriggerValue);
  }

  document.addEventListener("click", onClick, true);
  document.addEventListener("mouseover", onOver);
  document.addEventListener("focusin", onOver);
  document.addEventListener("scroll", onOut, true);
  document.addEventListener("keydown", onKey, true);
  return () => {
    tip.remove();
    document.removeEventListener("click", onClick, true);
    document.removeEventListener("mouseover", onOver);
    document.removeEventListener("focusin", onOver);
    document.removeEventListener("scroll", onOut, true);
    document.removeEventListener("keydown", onKey, true);
  };
}
