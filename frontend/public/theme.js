// Sets the theme before the first paint, which avoids a flash. src/stores/preferences.ts takes over.
(() => {
  let chosen = null;
  try {
    chosen = JSON.parse(localStorage.getItem("raylens.preferences") ?? "{}").theme;
  } catch {
    // Storage is blocked: use the system's theme.
  }
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
})();
