import { classify, type Answer, type Options } from "@/api/classify";
import { Problem } from "@/api/problem";
import { exampleOf, exampleUrl } from "@/classify/examples";
import { fileSource, release, urlSource, type Source } from "@/classify/source";
import { usePreferences } from "@/stores/preferences";
import { defineStore } from "pinia";
import { computed, reactive, shallowReactive } from "vue";

export type State =
  | { name: "queued" }
  | { name: "uploading"; share: number }
  | { name: "classifying" }
  | { name: "done"; answer: Answer }
  /** Refused for now; goes on by itself at that time (milliseconds). */
  | { name: "waiting"; problem: Problem; until: number }
  | { name: "failed"; problem: Problem };

export interface Item {
  readonly id: number;
  readonly source: Source;
  options: Options;
  state: State;
  /** How often the service put it off. */
  delays: number;
}

const AT_ONCE = 4; // browsers keep six connections to a host, and the page needs some
const MAX_DELAYS = 5;
const DEFAULT_DELAY_S = 2;

/** The images of this page and what became of them; they stay until it is closed. */
export const useClassify = defineStore("classify", () => {
  const preferences = usePreferences();
  const items = shallowReactive<Item[]>([]);
  const running = new Map<number, AbortController>();
  const timers = new Map<number, ReturnType<typeof setTimeout>>();
  const counts = computed(() => ({
    all: items.length,
    done: items.filter(({ state }) => state.name === "done" || state.name === "failed").length,
  }));
  let last = 0;

  /** The newest stands first; several come in the order they were given. */
  function add(sources: readonly Source[]): void {
    const options = { topK: preferences.topK, model: preferences.model };
    const fresh = sources.map((source) =>
      reactive<Item>({ id: ++last, source, options, state: { name: "queued" }, delays: 0 }),
    );
    items.unshift(...fresh);
    start();
  }

  function addFiles(files: Iterable<File>): void {
    add([...files].map((file) => fileSource(file, file.name)));
  }

  function addUrl(url: string): void {
    add([urlSource(url)]);
  }

  function start(): void {
    const queued = items.filter(({ state }) => state.name === "queued");
    for (const item of queued.slice(0, Math.max(0, AT_ONCE - running.size))) void run(item);
  }

  async function run(item: Item): Promise<void> {
    const abort = new AbortController();
    running.set(item.id, abort);
    item.state = { name: "uploading", share: 0 };
    try {
      const onProgress = (share: number): void => {
        item.state = share < 1 ? { name: "uploading", share } : { name: "classifying" };
      };
      const answer = await classify(item.source, item.options, onProgress, abort.signal);
      item.state = { name: "done", answer };
    } catch (error) {
      if (!abort.signal.aborted) fail(item, error);
    }
    running.delete(item.id);
    start();
  }

  function fail(item: Item, error: unknown): void {
    if (!(error instanceof Problem)) throw error;
    if ((error.status !== 429 && error.status !== 503) || item.delays >= MAX_DELAYS) {
      item.state = { name: "failed", problem: error };
      return;
    }
    item.delays++;
    const delay = (error.retryAfter ?? DEFAULT_DELAY_S) * 1000;
    item.state = { name: "waiting", problem: error, until: Date.now() + delay };
    timers.set(item.id, setTimeout(() => { again(item); }, delay));
  }

  function again(item: Item): void {
    clearTimeout(timers.get(item.id));
    item.state = { name: "queued" };
    start();
  }

  /** Ask once more, now and with the options of now. */
  function retry(item: Item): void {
    item.delays = 0;
    item.options = { topK: preferences.topK, model: preferences.model };
    again(item);
  }

  function remove(item: Item): void {
    clearTimeout(timers.get(item.id));
    running.get(item.id)?.abort();
    items.splice(items.indexOf(item), 1);
    release(item.source);
  }

  function clear(): void {
    for (const item of [...items]) remove(item);
  }

  /** A photo that this page has, by the digest of its content. */
  function pictureOf(sha256: string): string | null {
    const shows = ({ state }: Item): boolean =>
      state.name === "done" && state.answer.classification.image.sha256 === sha256;
    const example = exampleOf(sha256);
    return items.find(shows)?.source.preview ?? (example && exampleUrl(example));
  }

  return { items, counts, pictureOf, add, addFiles, addUrl, retry, remove, clear };
});
