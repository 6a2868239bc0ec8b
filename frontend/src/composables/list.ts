import { Problem } from "@/api/problem";
import { computed, onMounted, reactive, ref, shallowRef } from "vue";

interface Page<Item> {
  items: Item[];
  /** The id that the next page ends before; null on the last page, missing in lists without pages. */
  next_before?: number | null;
}

/** A list from the API, loaded on mount and by `reload`; `load` receives the id that the page ends before. */
export function useList<Item>(load: (before?: number) => Promise<Page<Item>>) {
  const items = shallowRef<Item[] | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const next = ref<number | null>(null);
  let lastRequest = 0;

  async function loadPage(before?: number): Promise<void> {
    const request = ++lastRequest;
    try {
      const page = await load(before);
      if (request !== lastRequest) return; // a newer request replaced this one
      items.value = before === undefined ? page.items : [...(items.value ?? []), ...page.items];
      next.value = page.next_before ?? null;
      problem.value = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (request === lastRequest) problem.value = error;
    }
  }

  const reload = (): Promise<void> => loadPage();
  const loadMore = (): Promise<void> => loadPage(next.value ?? undefined);

  onMounted(reload);
  return reactive({ items, problem, hasMore: computed(() => next.value !== null), reload, loadMore });
}
