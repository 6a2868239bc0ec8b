import { usePreferences } from "@/stores/preferences";
import { createPinia, setActivePinia } from "pinia";
import { beforeEach, expect, test, vi } from "vitest";
import { nextTick } from "vue";

let dark = false;

beforeEach(() => {
  vi.spyOn(window, "matchMedia").mockImplementation(
    () => ({ matches: dark, addEventListener: vi.fn(), removeEventListener: vi.fn() }) as unknown as MediaQueryList,
  );
});

test.each([["light", false], ["dark", true]])("without a choice the theme is the system's: %s", (theme, isDark) => {
  dark = isDark;
  usePreferences();
  expect(document.documentElement.dataset.bsTheme).toBe(theme);
});

test("a choice is kept for the next visit", async () => {
  dark = false;
  usePreferences().theme = "dark";
  await nextTick();
  expect(document.documentElement.dataset.bsTheme).toBe("dark");
  setActivePinia(createPinia());
  expect(usePreferences().theme).toBe("dark");
});

test.each([["{"], ['{"theme": "pink", "topK": -1, "language": 5}'], ["null"]])("%s does no harm", (kept) => {
  localStorage.setItem("raylens.preferences", kept);
  expect(usePreferences()).toMatchObject({ theme: "auto", topK: 5 });
});
