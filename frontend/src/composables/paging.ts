import { Problem } from "@/api/problem";
import { computed, onMounted, ref, shallowRef } from "vue";

interface Page<Item> {
  items: Item[];
  next_before: number | null;
}

/** A list of the service that comes in pages, newest first; `load` gets the id to go on before. */
export function usePaging<Item>(load: (before: number | undefined) => Promise<Page<Item>>) {
  const items = shallowRef<Item[] | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const next = ref<number | null>(null);
  let asked = 0;

  async function fill(before: number | undefined): Promise<void> {
    const number = ++asked;
    try {
      const page = await load(before);
      if (number !== asked) return; // something newer is under way
      items.value = before === undefined ? page.items : [...(items.value ?? []), ...page.items];
      next.value = page.next_before;
      problem.value = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (number === asked) problem.value = error;
    }
  }

  const reload = (): Promise<void> => fill(undefined);
  const more = (): Promise<void> => fill(next.value ?? undefined);

  onMounted(reload);
  return { items, problem, hasMore: computed(() => next.value !== null), reload, more };
}
