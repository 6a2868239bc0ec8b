import { answer, api } from "@/api/client";
import type { Classification } from "@/api/classify";
import { Problem } from "@/api/problem";
import { computed, ref, shallowRef } from "vue";

const PAGE = 24;
/** Pages may come empty where few classifications match: so many are asked for before the person is. */
const MOST_EMPTY = 10;

/** What was classified before, page by page, newest first. */
export function useHistory() {
  const items = shallowRef<Classification[] | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const next = ref<string | null>(null);
  const busy = ref(false);
  let asked = 0;

  /** Begin anew with those whose class has `label` in its name. */
  async function search(label: string): Promise<void> {
    await load(label, null);
  }

  async function more(label: string): Promise<void> {
    if (next.value) await load(label, next.value);
  }

  async function load(label: string, cursor: string | null): Promise<void> {
    const number = ++asked;
    busy.value = true;
    problem.value = null;
    try {
      const page = await filled(label, cursor);
      if (number !== asked) return; // meanwhile something else was asked for
      items.value = cursor === null ? page.items : [...(items.value ?? []), ...page.items];
      next.value = page.next_cursor ?? null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (number === asked) problem.value = error;
    } finally {
      if (number === asked) busy.value = false;
    }
  }

  async function filled(label: string, cursor: string | null) {
    for (let tries = 1; ; tries++) {
      const query = { limit: PAGE, label, ...(cursor ? { cursor } : {}) };
      const page = await answer(api.GET("/api/v1/classifications", { params: { query } }));
      if (page.items.length > 0 || !page.next_cursor || tries >= MOST_EMPTY) return page;
      cursor = page.next_cursor;
    }
  }

  /** Throws Problem; one that is gone already is as good as deleted. */
  async function remove(id: string): Promise<void> {
    try {
      await answer(
        api.DELETE("/api/v1/classifications/{classification_id}", { params: { path: { classification_id: id } } }),
      );
    } catch (error) {
      if (!(error instanceof Problem && error.status === 404)) throw error;
    }
    items.value = items.value?.filter((item) => item.id !== id) ?? null;
  }

  /** Throws Problem. */
  async function removeAll(): Promise<void> {
    await answer(api.DELETE("/api/v1/classifications"));
    items.value = [];
    next.value = null;
  }

  return { items, problem, busy, hasMore: computed(() => next.value !== null), search, more, remove, removeAll };
}
