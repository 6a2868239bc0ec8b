import { readonly, shallowRef, type Ref } from "vue";
import { en, type Texts } from "./en";

/** Languages by code: the native name, and how to load the texts. English is part of the main bundle. */
export const languages: Record<string, { name: string; load: () => Promise<Texts> }> = {
  en: { name: "English", load: () => Promise.resolve(en) },
};

const texts = shallowRef<Texts>(en);
const language = shallowRef("en");

/** The texts of the current language: `t.shell.name` in templates, `t.value.shell.name` in scripts. */
export function useTexts(): Readonly<Ref<Texts>> {
  return texts;
}

/** The code of the current language. */
export function useLanguage(): Readonly<Ref<string>> {
  return readonly(language);
}

/** Changes the language of the app. An unknown code selects English. */
export async function setLanguage(code: string): Promise<void> {
  const known = code in languages ? code : "en";
  texts.value = (await languages[known]?.load()) ?? en;
  language.value = known;
  document.documentElement.lang = known;
}

/** The browser's first language that has texts, else English. */
export function browserLanguage(): string {
  const preferred = navigator.languages.map((tag) => tag.split("-")[0] ?? "");
  return preferred.find((tag) => tag in languages) ?? "en";
}
