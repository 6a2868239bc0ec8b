import { usePreferredDark } from "@/composables/mediaQuery";
import { browserLanguage, setLanguage } from "@/texts";
import { defineStore } from "pinia";
import { computed, reactive, toRefs, watch, watchEffect } from "vue";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const STORAGE_KEY = "raylens.preferences"; // also read by public/theme.js

interface Preferences {
  theme: Theme;
  language: string;
  topK: number;
  /** Empty: the service's default. */
  model: string;
}

/** The user's preferences, stored in this browser. */
export const usePreferences = defineStore("preferences", () => {
  const preferences = reactive<Preferences>(load());
  const prefersDark = usePreferredDark();
  const isDark = computed(() => preferences.theme === "dark" || (preferences.theme === "auto" && prefersDark.value));

  watchEffect(() => {
    document.documentElement.dataset.bsTheme = isDark.value ? "dark" : "light";
  });
  watch(() => preferences.language, setLanguage, { immediate: true });
  watch(preferences, save);

  return { ...toRefs(preferences), isDark };
});

function load(): Preferences {
  const defaults: Preferences = { theme: "auto", language: browserLanguage(), topK: 5, model: "" };
  try {
    const stored = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "{}") as Partial<Preferences>;
    const merged = { ...defaults, ...stored };
    return {
      theme: THEMES.includes(merged.theme) ? merged.theme : defaults.theme,
      language: String(merged.language),
      topK: Number.isInteger(merged.topK) && merged.topK > 0 && merged.topK <= 1000 ? merged.topK : defaults.topK,
      model: String(merged.model),
    };
  } catch {
    return defaults; // storage is blocked or holds something else
  }
}

function save(preferences: Preferences): void {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(preferences));
  } catch {
    // Storage is blocked or full: the preferences last until the page is closed.
  }
}
