import { Problem } from "@/api/problem";
import { onMounted, shallowRef } from "vue";

/** A list of the service, loaded when its place appears and whenever `reload` is called. */
export function useListing<Item>(load: () => Promise<{ items: Item[] }>) {
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
