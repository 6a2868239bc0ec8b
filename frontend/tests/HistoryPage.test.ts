import HistoryPage from "@/pages/HistoryPage.vue";
import { createAppRouter } from "@/router";
import { useSession } from "@/stores/session";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { expect, test, vi } from "vitest";
import { createMemoryHistory, type Router } from "vue-router";
import { mockServer, type MockResponse } from "./mockServer";

const LIST = "/api/v1/classifications";

function classification(id: string, label: string): unknown {
  return {
    id,
    created_at: "2026-01-31T12:00:00Z",
    image: { sha256: "0".repeat(64), format: "JPEG", width: 4, height: 3, url: null },
    model: { name: "m", version: "1", runtime: "fake", precision: "fp32" },
    predictions: [{ rank: 1, index: 285, wnid: "n02124075", label, probability: 0.5 }],
    cached: false,
    timings_ms: { fetch: 0, preprocess: 1, queue: 1, inference: 1, total: 3 },
  };
}

async function open(path: string, responses: Record<string, MockResponse | ((request: Request) => MockResponse)>) {
  const requests = mockServer(responses);
  useSession().setSession({
    user: { id: 7, username: "c", email: "", role: "user", created_at: "2026-01-31T12:00:00Z", has_password: true },
    scopes: [],
    registration: true,
    anonymous: true,
    password_min_length: 15,
    providers: [],
  });
  vi.spyOn(useSession(), "ready").mockResolvedValue();
  const router: Router = createAppRouter(createMemoryHistory());
  await router.push(path);
  const page: VueWrapper = mount(HistoryPage, { global: { plugins: [router] }, attachTo: document.body });
  await vi.waitFor(() => {
    expect(page.text()).not.toContain("Loading");
  });
  return { page, router, requests };
}

test("more pages are appended", async () => {
  const { page } = await open("/history", {
    [`GET ${LIST}`]: (request) =>
      new URL(request.url).searchParams.get("cursor") === "second"
        ? { body: { items: [classification("b", "lynx")], next_cursor: null } }
        : { body: { items: [classification("a", "Egyptian_cat")], next_cursor: "second" } },
  });
  expect(page.findAll("li").map((item) => item.text())).toEqual([expect.stringContaining("Egyptian cat")]);
  await page.find(".text-center button").trigger("click");
  await flushPromises();
  expect(page.findAll("ul.grid > li")).toHaveLength(2);
  expect(page.find(".text-center button").exists()).toBe(false);
});

test("an empty page with a cursor is skipped", async () => {
  const { page, requests } = await open("/history?label=lynx", {
    [`GET ${LIST}`]: (request) =>
      new URL(request.url).searchParams.get("cursor") === "on"
        ? { body: { items: [classification("b", "lynx")], next_cursor: null } }
        : { body: { items: [], next_cursor: "on" } },
  });
  expect(requests.map((request) => new URL(request.url).searchParams.get("label"))).toEqual(["lynx", "lynx"]);
  expect(page.findAll("ul.grid > li")).toHaveLength(1);
});

test("the search text is stored in the URL", async () => {
  const { page, router } = await open("/history", {
    [`GET ${LIST}`]: { body: { items: [classification("a", "lynx")], next_cursor: null } },
  });
  await page.find("input[type=search]").setValue("cat");
  await page.find("form").trigger("submit");
  await vi.waitFor(() => {
    expect(router.currentRoute.value.query).toEqual({ label: "cat" });
  });
});

test("a deleted classification disappears, even if it was already deleted", async () => {
  const { page, requests } = await open("/history", {
    [`GET ${LIST}`]: {
      body: { items: [classification("a", "lynx"), classification("b", "tabby")], next_cursor: null },
    },
    [`DELETE ${LIST}/a`]: { status: 404, body: { code: "unknown_classification", detail: "" } },
  });
  await page.find("ul.grid li .btn").trigger("click");
  await flushPromises();
  expect(requests.at(-1)?.method).toBe("DELETE");
  expect(page.findAll("ul.grid > li").map((item) => item.find(".label").text())).toEqual(["tabby"]);
});

test("a failed deletion keeps the classification", async () => {
  const { page } = await open("/history", {
    [`GET ${LIST}`]: { body: { items: [classification("a", "lynx")], next_cursor: null } },
    [`DELETE ${LIST}/a`]: { status: 503, body: { code: "unavailable", detail: "" } },
  });
  await page.find("ul.grid li .btn").trigger("click");
  await flushPromises();
  expect(page.findAll("ul.grid > li")).toHaveLength(1);
});

test("deleting everything requires confirmation", async () => {
  const { page, requests } = await open("/history", {
    [`GET ${LIST}`]: { body: { items: [classification("a", "lynx")], next_cursor: null } },
    [`DELETE ${LIST}`]: { status: 204 },
  });
  await page.find("header .btn-quiet:last-child").trigger("click");
  expect(requests.filter((request) => request.method === "DELETE")).toHaveLength(0);
  await page.find("dialog form").trigger("submit");
  await flushPromises();
  expect(requests.at(-1)?.method).toBe("DELETE");
  expect(page.text()).toContain("No classifications yet");
});
