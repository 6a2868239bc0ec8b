import { Problem } from "@/api/problem";
import { onMounted, shallowRef } from "vue";

/** A list from the API, loaded on mount and by `reload`. */
export function useList<Item>(load: () => Promise<{ items: Item[] }>) {
  const items = shallowRef<Item[] | null>(null);
  const problem = shallowRef<Problem | null>(null);

  async function reload(): Promise<void> {
    try {
      items.value = (await load()).items;
      problem.value = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.value = error;
    }
  }

  onMounted(reload);
  return { items, problem, reload };
}
