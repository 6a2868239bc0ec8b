import { classifyImage, type ClassifyOptions, type ClassifyResult } from "@/api/classify";
import { Problem } from "@/api/problem";
import { findExample, exampleUrl } from "@/classify/examples";
import { fileSource, releasePreview, urlSource, type Source } from "@/classify/source";
import { usePreferences } from "@/stores/preferences";
import { defineStore } from "pinia";
import { computed, reactive, shallowReactive } from "vue";

export type ItemState =
  | { name: "queued" }
  | { name: "uploading"; share: number }
  | { name: "classifying" }
  | { name: "done"; result: ClassifyResult }
  /** Rejected temporarily; retried automatically at this timestamp in milliseconds. */
  | { name: "waiting"; problem: Problem; until: number }
  | { name: "failed"; problem: Problem };

export interface ClassifyItem {
  readonly id: number;
  readonly source: Source;
  options: ClassifyOptions;
  state: ItemState;
  /** How often the service rejected it temporarily. */
  retries: number;
}

const MAX_CONCURRENT = 4; // of the six connections that browsers open per host
const MAX_RETRIES = 5;
const DEFAULT_RETRY_S = 2;

/** The images classified in this tab, with their results, until it is closed. */
export const useClassify = defineStore("classify", () => {
  const preferences = usePreferences();
  const items = shallowReactive<ClassifyItem[]>([]);
  const controllers = new Map<number, AbortController>();
  const timers = new Map<number, ReturnType<typeof setTimeout>>();
  const counts = computed(() => ({
    all: items.length,
    done: items.filter(({ state }) => state.name === "done" || state.name === "failed").length,
  }));
  let lastId = 0;

  /** Newer images come first; images added together keep their order. */
  function add(sources: readonly Source[]): void {
    const options = { topK: preferences.topK, model: preferences.model };
    const added = sources.map((source) =>
      reactive<ClassifyItem>({ id: ++lastId, source, options, state: { name: "queued" }, retries: 0 }),
    );
    items.unshift(...added);
    startQueued();
  }

  function addFiles(files: Iterable<File>): void {
    add([...files].map((file) => fileSource(file, file.name)));
  }

  function addUrl(url: string): void {
    add([urlSource(url)]);
  }

  function startQueued(): void {
    const queued = items.filter(({ state }) => state.name === "queued");
    for (const item of queued.slice(0, Math.max(0, MAX_CONCURRENT - controllers.size))) void run(item);
  }

  async function run(item: ClassifyItem): Promise<void> {
    const controller = new AbortController();
    controllers.set(item.id, controller);
    item.state = { name: "uploading", share: 0 };
    try {
      const onProgress = (share: number): void => {
        item.state = share < 1 ? { name: "uploading", share } : { name: "classifying" };
      };
      const result = await classifyImage(item.source, item.options, onProgress, controller.signal);
      item.state = { name: "done", result };
    } catch (error) {
      if (!controller.signal.aborted) fail(item, error);
    }
    controllers.delete(item.id);
    startQueued();
  }

  function fail(item: ClassifyItem, error: unknown): void {
    if (!(error instanceof Problem)) throw error;
    if ((error.status !== 429 && error.status !== 503) || item.retries >= MAX_RETRIES) {
      item.state = { name: "failed", problem: error };
      return;
    }
    item.retries++;
    const delay = (error.retryAfter ?? DEFAULT_RETRY_S) * 1000;
    item.state = { name: "waiting", problem: error, until: Date.now() + delay };
    timers.set(item.id, setTimeout(() => { requeue(item); }, delay));
  }

  function requeue(item: ClassifyItem): void {
    clearTimeout(timers.get(item.id));
    item.state = { name: "queued" };
    startQueued();
  }

  /** Retries now, with the current options. */
  function retry(item: ClassifyItem): void {
    item.retries = 0;
    item.options = { topK: preferences.topK, model: preferences.model };
    requeue(item);
  }

  function remove(item: ClassifyItem): void {
    clearTimeout(timers.get(item.id));
    controllers.get(item.id)?.abort();
    items.splice(items.indexOf(item), 1);
    releasePreview(item.source);
  }

  function clear(): void {
    for (const item of [...items]) remove(item);
  }

  /** URL of a photo in this tab or of an example, by its SHA-256. */
  function previewOf(sha256: string): string | null {
    const matches = ({ state }: ClassifyItem): boolean =>
      state.name === "done" && state.result.classification.image.sha256 === sha256;
    const example = findExample(sha256);
    return items.find(matches)?.source.preview ?? (example && exampleUrl(example));
  }

  return { items, counts, previewOf, add, addFiles, addUrl, retry, remove, clear };
});
