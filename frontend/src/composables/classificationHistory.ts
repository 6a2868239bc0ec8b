import { api, unwrap } from "@/api/client";
import type { Classification } from "@/api/classify";
import { Problem } from "@/api/problem";
import { computed, ref, shallowRef } from "vue";

const PAGE_SIZE = 24;
/** A page may be empty although later ones match; the limit for skipping such pages automatically. */
const MAX_EMPTY_PAGES = 10;

/** The user's classifications, page by page, newest first. */
export function useClassificationHistory() {
  const items = shallowRef<Classification[] | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const next = ref<string | null>(null);
  const busy = ref(false);
  let lastRequest = 0;

  /** Loads the first page of the classifications whose label contains `label`. */
  async function search(label: string): Promise<void> {
    await load(label, null);
  }

  async function loadMore(label: string): Promise<void> {
    if (next.value) await load(label, next.value);
  }

  async function load(label: string, cursor: string | null): Promise<void> {
    const request = ++lastRequest;
    busy.value = true;
    problem.value = null;
    try {
      const page = await nonEmptyPage(label, cursor);
      if (request !== lastRequest) return; // a newer request replaced this one
      items.value = cursor === null ? page.items : [...(items.value ?? []), ...page.items];
      next.value = page.next_cursor ?? null;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (request === lastRequest) problem.value = error;
    } finally {
      if (request === lastRequest) busy.value = false;
    }
  }

  async function nonEmptyPage(label: string, cursor: string | null) {
    for (let tries = 1; ; tries++) {
      const query = { limit: PAGE_SIZE, label, ...(cursor ? { cursor } : {}) };
      const page = await unwrap(api.GET("/api/v1/classifications", { params: { query } }));
      if (page.items.length > 0 || !page.next_cursor || tries >= MAX_EMPTY_PAGES) return page;
      cursor = page.next_cursor;
    }
  }

  /** Throws Problem; a classification that is already deleted counts as a success. */
  async function remove(id: string): Promise<void> {
    try {
      await unwrap(
        api.DELETE("/api/v1/classifications/{classification_id}", { params: { path: { classification_id: id } } }),
      );
    } catch (error) {
      if (!(error instanceof Problem && error.status === 404)) throw error;
    }
    items.value = items.value?.filter((item) => item.id !== id) ?? null;
  }

  /** Throws Problem. */
  async function removeAll(): Promise<void> {
    await unwrap(api.DELETE("/api/v1/classifications"));
    items.value = [];
    next.value = null;
  }

  return { items, problem, busy, hasMore: computed(() => next.value !== null), search, loadMore, remove, removeAll };
}
