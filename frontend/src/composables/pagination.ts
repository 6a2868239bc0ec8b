import { Problem } from "@/api/problem";
import { computed, onMounted, ref, shallowRef } from "vue";

interface Page<Item> {
  items: Item[];
  next_before: number | null;
}

/** A paginated list from the API, newest first; `load` receives the id that the page ends before. */
export function usePagination<Item>(load: (before: number | undefined) => Promise<Page<Item>>) {
  const items = shallowRef<Item[] | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const next = ref<number | null>(null);
  let lastRequest = 0;

  async function loadPage(before: number | undefined): Promise<void> {
    const request = ++lastRequest;
    try {
      const page = await load(before);
      if (request !== lastRequest) return; // a newer request replaced this one
      items.value = before === undefined ? page.items : [...(items.value ?? []), ...page.items];
      next.value = page.next_before;
      problem.value = null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (request === lastRequest) problem.value = error;
    }
  }

  const reload = (): Promise<void> => loadPage(undefined);
  const loadMore = (): Promise<void> => loadPage(next.value ?? undefined);

  onMounted(reload);
  return { items, problem, hasMore: computed(() => next.value !== null), reload, loadMore };
}
