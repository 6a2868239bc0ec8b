// Runs before the first paint, so that nobody sees a flash of the other theme. src/stores/preferences.ts takes over.
(() => {
  let chosen = null;
  try {
    chosen = JSON.parse(localStorage.getItem("raylens.preferences") ?? "{}").theme;
  } catch {
    // Storage may be forbidden; the system's theme will do.
  }
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
})();
