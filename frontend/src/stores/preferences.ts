import { usePreferredDark } from "@/composables/media";
import { languageOfBrowser, setLanguage } from "@/texts";
import { defineStore } from "pinia";
import { computed, reactive, toRefs, watch, watchEffect } from "vue";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "raylens.preferences"; // public/theme.js reads it, too

interface Preferences {
  theme: Theme;
  language: string;
  topK: number;
  /** Empty: the service's default. */
  model: string;
}

/** What somebody chose, kept in this browser. */
export const usePreferences = defineStore("preferences", () => {
  const chosen = reactive<Preferences>(stored());
  const prefersDark = usePreferredDark();
  const isDark = computed(() => chosen.theme === "dark" || (chosen.theme === "auto" && prefersDark.value));

  watchEffect(() => {
    document.documentElement.dataset.bsTheme = isDark.value ? "dark" : "light";
  });
  watch(() => chosen.language, setLanguage, { immediate: true });
  watch(chosen, store);

  return { ...toRefs(chosen), isDark };
});

function stored(): Preferences {
  const defaults: Preferences = { theme: "auto", language: languageOfBrowser(), topK: 5, model: "" };
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Preferences>;
    const known = { ...defaults, ...kept };
    return {
      theme: THEMES.includes(known.theme) ? known.theme : defaults.theme,
      language: String(known.language),
      topK: Number.isInteger(known.topK) && known.topK > 0 && known.topK <= 1000 ? known.topK : defaults.topK,
      model: String(known.model),
    };
  } catch {
    return defaults; // forbidden, or not ours
  }
}

function store(preferences: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Forbidden, or full: it holds for this page then.
  }
}
