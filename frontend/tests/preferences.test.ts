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

test.each([["light", false], ["dark", true]])("the default theme follows the system: %s", (theme, isDark) => {
  dark = isDark;
  usePreferences();
  expect(document.documentElement.dataset.bsTheme).toBe(theme);
});

test("a choice is stored for the next visit", async () => {
  dark = false;
  usePreferences().theme = "dark";
  await nextTick();
  expect(document.documentElement.dataset.bsTheme).toBe("dark");
  setActivePinia(createPinia());
  expect(usePreferences().theme).toBe("dark");
});

const INVALID = ["{", '{"theme": "pink", "topK": -1, "language": 5}', "null"];

test.each(INVALID)("invalid storage %s is ignored", (stored) => {
  localStorage.setItem("raylens.preferences", stored);
  expect(usePreferences()).toMatchObject({ theme: "auto", topK: 5 });
});
