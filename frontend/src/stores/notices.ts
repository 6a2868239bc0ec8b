import { defineStore } from "pinia";
import { ref } from "vue";

export type Tone = "success" | "info" | "danger";

export interface Notice {
  id: number;
  text: string;
  tone: Tone;
}

const LIFE_MS = 6000;

/** Short messages in the corner. An error stays until it is dismissed. */
export const useNotices = defineStore("notices", () => {
  const items = ref<Notice[]>([]);
  let last = 0;

  function show(text: string, tone: Tone = "success"): void {
    const id = ++last;
    items.value = [...items.value.filter((notice) => notice.text !== text), { id, text, tone }];
    if (tone !== "danger") setTimeout(() => { dismiss(id); }, LIFE_MS);
  }

  function dismiss(id: number): void {
    items.value = items.value.filter((notice) => notice.id !== id);
  }

  return { items, show, dismiss };
});
