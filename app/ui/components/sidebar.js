// On narrow screens the sidebar lies over the page: choosing something in it folds it away.

const NARROW = 768;

export default function () {
  const onClick = (event) => {
    const chosen = event.target.closest && event.target.closest('[class*="st-key-nav"] a, [class*="st-key-open_"] button, .st-key-new button');
    if (!chosen || window.innerWidth > NARROW) return;
    setTimeout(() => document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click(), 150);
  };
  document.addEventListener("click", onClick);
  return () => document.removeEventListener("click", onClick);
}
