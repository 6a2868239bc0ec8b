import { findExample, EXAMPLES } from "@/classify/examples";
import TopPage from "@/pages/TopPage.vue";
import { createAppRouter } from "@/router";
import { useSession, type Session } from "@/stores/session";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createMemoryHistory } from "vue-router";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { mockServer } from "./mockServer";

const TOP = "GET /api/v1/top";
const global = { plugins: [createAppRouter(createMemoryHistory())], stubs: { TransitionGroup: false } };
const signedIn: Session = {
  user: { id: 7, username: "c", email: "", role: "user", created_at: "2026-01-31T12:00:00Z", has_password: true },
  scopes: [],
  registration: true,
  anonymous: true,
  password_min_length: 15,
  providers: [],
};
let page: VueWrapper;

function row(label: string, count: number, image: Record<string, string> = {}): Record<string, unknown> {
  const times = { processing_time_avg: 0.0123, processing_time_max: 0.1, processing_time_min: 0.001 };
  const known = { image_url: null, sha256: null, ...image, last_seen: "2026-11-22T14:00:00Z" };
  return { ...known, label, wnid: `n${label}`, classification_count: count, ...times };
}

async function open(items: unknown): Promise<Request[]> {
  const requests = mockServer({ [TOP]: { body: { by: "image", window: "all", items } } });
  page = mount(TopPage, { global });
  await settle();
  return requests;
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

test("photos show their class, origin and count", async () => {
  const upload = row("espresso", 1, { sha256: "0cc2106314af" });
  await open([row("Egyptian_cat", 3, { image_url: "https://a.org/cat.jpg" }), upload]);
  expect(labels()).toEqual(["Egyptian cat", "espresso"]);
  const origins = page.findAll(".origin").map((origin) => origin.text());
  expect(origins).toEqual(["https://a.org/cat.jpg", "Upload 0cc2106314"]);
  expect(page.findAll(".count").map((count) => count.text())).toEqual(["3 times", "1 time"]);
});

test("images of other hosts are not loaded", async () => {
  await open([row("Egyptian_cat", 3, { image_url: "https://a.org/cat.jpg" })]);
  expect(page.find("img").exists()).toBe(false);
  expect(page.get(".tile").text()).toBe("EC");
});

test("the list updates, and a row keeps its element when its rank changes", async () => {
  await open([row("cat", 3), row("dog", 2)]);
  const dog = page.findAll("li")[1]?.element;
  mockServer({ [TOP]: { body: { items: [row("dog", 4), row("cat", 3)] } } });
  await settle(2500);
  expect(labels()).toEqual(["dog", "cat"]);
  expect(page.findAll("li")[0]?.element).toBe(dog);
});

test("a changed option reloads immediately", async () => {
  const requests = await open([]);
  await page.get("input[value=label]").setValue();
  await page.get("input[value=hour]").setValue();
  await settle();
  expect(new URL(requests.at(-1)?.url ?? "").search).toBe("?scope=public&by=label&window=hour&limit=10");
});

test("signed-in users may choose their own photos", async () => {
  const requests = await open([]);
  expect(page.find("input[value=mine]").exists()).toBe(false);
  useSession().setSession(signedIn);
  await settle();
  await page.get("input[value=mine]").setValue();
  await settle();
  expect(new URL(requests.at(-1)?.url ?? "").searchParams.get("scope")).toBe("mine");
  expect(page.text()).toContain("seen only by you");
  expect(page.text()).toContain("You classified no photos");
  useSession().clearUser();
  await settle();
  expect(new URL(requests.at(-1)?.url ?? "").searchParams.get("scope")).toBe("public");
});

test("without an account, a service that requires one shows no list", async () => {
  useSession().setSession({ ...signedIn, user: null, anonymous: false });
  const requests = await open([]);
  await settle(2500);
  expect(requests).toEqual([]);
  expect(page.get("a.btn").attributes("href")).toBe("/sign-in?next=/top");
  expect(page.find("input").exists()).toBe(false);
});

test("an empty list shows a message", async () => {
  await open([]);
  expect(page.text()).toContain("Nothing here yet");
});

test("an unreachable service keeps the last list and shows that it waits", async () => {
  await open([row("cat", 3)]);
  mockServer({});
  await settle(2500);
  expect(page.get(".live").text()).toBe("Waiting for Raylens");
  expect(labels()).toEqual(["cat"]);
});

test("a problem on the first load is explained", async () => {
  mockServer({ [TOP]: { status: 503, body: { code: "unavailable", detail: "The database cannot be reached." } } });
  page = mount(TopPage, { global });
  await settle();
  expect(page.get("[role=alert]").text()).toContain("The database cannot be reached.");
});

test("examples are found by their SHA-256", () => {
  for (const name of EXAMPLES) {
    const content = readFileSync(`public/examples/${name}.jpg`);
    expect(findExample(createHash("sha256").update(content).digest("hex"))).toBe(name);
  }
});
