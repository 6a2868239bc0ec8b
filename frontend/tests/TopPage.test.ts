import { exampleOf, EXAMPLES } from "@/classify/examples";
import TopPage from "@/pages/TopPage.vue";
import { makeRouter } from "@/router";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createMemoryHistory } from "vue-router";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { serve } from "./server";

const TOP = "GET /api/v1/top";
const global = { plugins: [makeRouter(createMemoryHistory())], stubs: { TransitionGroup: false } };
let page: VueWrapper;

function row(label: string, count: number, image: Record<string, string> = {}): Record<string, unknown> {
  const times = { processing_time_avg: 0.0123, processing_time_max: 0.1, processing_time_min: 0.001 };
  const known = { image_url: null, sha256: null, ...image, last_seen: "2026-11-22T14:00:00Z" };
  return { ...known, label, wnid: `n${label}`, classification_count: count, ...times };
}

async function open(items: unknown): Promise<Request[]> {
  const asked = serve({ [TOP]: { body: { by: "image", window: "all", items } } });
  page = mount(TopPage, { global });
  await settle();
  return asked;
}

async function settle(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await flushPromises();
}

function labels(): string[] {
  return page.findAll(".label").map((label) => label.text());
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  page.unmount();
  vi.useRealTimers();
});

test("photos are told by their class, where they came from, and how often", async () => {
  const upload = row("espresso", 1, { sha256: "0cc2106314af" });
  await open([row("Egyptian_cat", 3, { image_url: "https://a.org/cat.jpg" }), upload]);
  expect(labels()).toEqual(["Egyptian cat", "espresso"]);
  expect(page.findAll(".origin").map((origin) => origin.text())).toEqual(["https://a.org/cat.jpg", "Upload 0cc2106314"]);
  expect(page.findAll(".count").map((count) => count.text())).toEqual(["3 times", "1 time"]);
});

test("no picture is asked of another host", async () => {
  await open([row("Egyptian_cat", 3, { image_url: "https://a.org/cat.jpg" })]);
  expect(page.find("img").exists()).toBe(false);
  expect(page.get(".tile").text()).toBe("EC");
});

test("it follows what happens, and a row keeps its element while it moves", async () => {
  await open([row("cat", 3), row("dog", 2)]);
  const dog = page.findAll("li")[1]?.element;
  serve({ [TOP]: { body: { items: [row("dog", 4), row("cat", 3)] } } });
  await settle(2500);
  expect(labels()).toEqual(["dog", "cat"]);
  expect(page.findAll("li")[0]?.element).toBe(dog);
});

test("a choice asks at once for what was chosen", async () => {
  const asked = await open([]);
  await page.get("input[value=label]").setValue();
  await page.get("input[value=hour]").setValue();
  await settle();
  expect(new URL(asked.at(-1)?.url ?? "").search).toBe("?by=label&window=hour&limit=10");
});

test("where nothing was classified it says so", async () => {
  await open([]);
  expect(page.text()).toContain("Nothing here yet");
});

test("without the service it says so, and keeps what it had", async () => {
  await open([row("cat", 3)]);
  serve({});
  await settle(2500);
  expect(page.get(".live").text()).toBe("Waiting for Raylens");
  expect(labels()).toEqual(["cat"]);
});

test("a refusal at the start is told in words", async () => {
  serve({ [TOP]: { status: 503, body: { code: "unavailable", detail: "The database cannot be reached." } } });
  page = mount(TopPage, { global });
  await settle();
  expect(page.get("[role=alert]").text()).toContain("The database cannot be reached.");
});

test("the examples are known by their content", () => {
  for (const name of EXAMPLES) {
    const content = readFileSync(`public/examples/${name}.jpg`);
    expect(exampleOf(createHash("sha256").update(content).digest("hex"))).toBe(name);
  }
});
