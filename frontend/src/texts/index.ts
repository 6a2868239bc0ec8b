import { readonly, shallowRef, type Ref } from "vue";
import { en, type Texts } from "./en";

/** Each language by its code: its own name, and where its texts are. English comes with the app. */
export const languages: Record<string, { name: string; load: () => Promise<Texts> }> = {
  en: { name: "English", load: () => Promise.resolve(en) },
};

const texts = shallowRef<Texts>(en);
const code = shallowRef("en");

/** The texts of the language chosen; a template writes `t.shell.name`, a script `t.value.shell.name`. */
export function useTexts(): Readonly<Ref<Texts>> {
  return texts;
}

/** The code of the language chosen. */
export function useLanguage(): Readonly<Ref<string>> {
  return readonly(code);
}

/** Change the language of the whole app; one that is unknown is English. */
export async function setLanguage(wanted: string): Promise<void> {
  const known = wanted in languages ? wanted : "en";
  texts.value = (await languages[known]?.load()) ?? en;
  code.value = known;
  document.documentElement.lang = known;
}

/** The first language of the browser that there are texts for. */
export function languageOfBrowser(): string {
  const known = navigator.languages.map((tag) => tag.split("-")[0] ?? "");
  return known.find((tag) => tag in languages) ?? "en";
}
