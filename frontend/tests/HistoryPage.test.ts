import HistoryPage from "@/pages/HistoryPage.vue";
import { makeRouter } from "@/router";
import { useSession } from "@/stores/session";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { expect, test, vi } from "vitest";
import { createMemoryHistory, type Router } from "vue-router";
import { serve, type Answer } from "./server";

const LIST = "/api/v1/classifications";

function made(id: string, label: string): unknown {
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

async function open(path: string, answers: Record<string, Answer | ((request: Request) => Answer)>) {
  const asked = serve(answers);
  useSession().accept({
    user: { id: 7, username: "c", email: "", role: "user", created_at: "2026-01-31T12:00:00Z", has_password: true },
    scopes: [],
    registration: true,
    anonymous: true,
    password_min_length: 15,
    providers: [],
  });
  vi.spyOn(useSession(), "ready").mockResolvedValue();
  const router: Router = makeRouter(createMemoryHistory());
  await router.push(path);
  const page: VueWrapper = mount(HistoryPage, { global: { plugins: [router] }, attachTo: document.body });
  await vi.waitFor(() => {
    expect(page.text()).not.toContain("Loading");
  });
  return { page, router, asked };
}

test("the pages follow one another", async () => {
  const { page } = await open("/history", {
    [`GET ${LIST}`]: (request) =>
      new URL(request.url).searchParams.get("cursor") === "second"
        ? { body: { items: [made("b", "lynx")], next_cursor: null } }
        : { body: { items: [made("a", "Egyptian_cat")], next_cursor: "second" } },
  });
  expect(page.findAll("li").map((item) => item.text())).toEqual([expect.stringContaining("Egyptian cat")]);
  await page.find(".text-center button").trigger("click");
  await flushPromises();
  expect(page.findAll("ul.grid > li")).toHaveLength(2);
  expect(page.find(".text-center button").exists()).toBe(false);
});

test("a page that comes empty with more behind it is not the end", async () => {
  const { page, asked } = await open("/history?label=lynx", {
    [`GET ${LIST}`]: (request) =>
      new URL(request.url).searchParams.get("cursor") === "on"
        ? { body: { items: [made("b", "lynx")], next_cursor: null } }
        : { body: { items: [], next_cursor: "on" } },
  });
  expect(asked.map((request) => new URL(request.url).searchParams.get("label"))).toEqual(["lynx", "lynx"]);
  expect(page.findAll("ul.grid > li")).toHaveLength(1);
});

test("what is searched for stands in the address", async () => {
  const { page, router } = await open("/history", {
    [`GET ${LIST}`]: { body: { items: [made("a", "lynx")], next_cursor: null } },
  });
  await page.find("input[type=search]").setValue("cat");
  await page.find("form").trigger("submit");
  await vi.waitFor(() => {
    expect(router.currentRoute.value.query).toEqual({ label: "cat" });
  });
});

test("what is deleted is gone from the page, also where it was gone before", async () => {
  const { page, asked } = await open("/history", {
    [`GET ${LIST}`]: { body: { items: [made("a", "lynx"), made("b", "tabby")], next_cursor: null } },
    [`DELETE ${LIST}/a`]: { status: 404, body: { code: "unknown_classification", detail: "" } },
  });
  await page.find("ul.grid li .btn").trigger("click");
  await flushPromises();
  expect(asked.at(-1)?.method).toBe("DELETE");
  expect(page.findAll("ul.grid > li").map((item) => item.find(".label").text())).toEqual(["tabby"]);
});

test("a failure leaves everything where it was, and says so", async () => {
  const { page } = await open("/history", {
    [`GET ${LIST}`]: { body: { items: [made("a", "lynx")], next_cursor: null } },
    [`DELETE ${LIST}/a`]: { status: 503, body: { code: "unavailable", detail: "" } },
  });
  await page.find("ul.grid li .btn").trigger("click");
  await flushPromises();
  expect(page.findAll("ul.grid > li")).toHaveLength(1);
});

test("all is deleted only after a question", async () => {
  const { page, asked } = await open("/history", {
    [`GET ${LIST}`]: { body: { items: [made("a", "lynx")], next_cursor: null } },
    [`DELETE ${LIST}`]: { status: 204 },
  });
  await page.find("header .btn-quiet:last-child").trigger("click");
  expect(asked.filter((request) => request.method === "DELETE")).toHaveLength(0);
  await page.find("dialog form").trigger("submit");
  await flushPromises();
  expect(asked.at(-1)?.method).toBe("DELETE");
  expect(page.text()).toContain("No classifications yet");
});
