import ClassifyPage from "@/pages/ClassifyPage.vue";
import { makeRouter } from "@/router";
import { useClassify } from "@/stores/classify";
import { useNotices } from "@/stores/notices";
import { useSession } from "@/stores/session";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { createMemoryHistory } from "vue-router";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { cat } from "./answers";
import { serve } from "./server";
import { interceptUploads, uploads } from "./upload";

const URL_FIELD = "input[type=url]";
let page: VueWrapper;

function open(): VueWrapper {
  serve({ "GET /api/v1/models": { body: { items: [] } } });
  page = mount(ClassifyPage, { global: { plugins: [makeRouter(createMemoryHistory())] }, attachTo: document.body });
  return page;
}

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
  await flushPromises();
}

beforeEach(() => {
  vi.useFakeTimers();
  interceptUploads();
});

afterEach(() => {
  page.unmount();
  vi.useRealTimers();
});

test("a URL that is typed is classified, and its classes are shown and said", async () => {
  open();
  await page.get(URL_FIELD).setValue("https://example.org/cat.jpg");
  await page.get("form").trigger("submit");
  await uploads[0]?.reply(201, cat, { "X-Cache": "shared" });
  await settle();
  expect(page.findAll(".predictions .label").map((label) => label.text())).toEqual(["Egyptian cat", "tiger cat"]);
  expect(page.get(".predictions .share").text()).toBe("37.8%");
  expect(page.get(".outcome").text()).toBe("shared");
  expect(page.get("[role=status]").text()).toBe("cat.jpg: Egyptian cat, 37.8%");
  expect(page.get<HTMLInputElement>(URL_FIELD).element.value).toBe("");
});

test("what is no URL stays in its field and says why", async () => {
  open();
  await page.get(URL_FIELD).setValue("cat.jpg");
  await page.get("form").trigger("submit");
  expect(uploads).toHaveLength(0);
  expect(page.get("[role=alert]").text()).toContain("Enter a URL");
  expect(page.get(URL_FIELD).attributes("aria-invalid")).toBe("true");
});

test("what is dropped anywhere is classified", async () => {
  open();
  const data = { files: [new File(["x"], "a.jpg"), new File(["y"], "b.jpg")], types: ["Files"], getData: () => "" };
  window.dispatchEvent(Object.assign(new Event("drop"), { dataTransfer: data }));
  await settle();
  expect(page.findAll(".name").map((name) => name.text())).toEqual(["a.jpg", "b.jpg"]);
});

test("a URL that is pasted outside of fields is classified, one inside is left to the field", async () => {
  open();
  const clipboardData = { files: [], getData: (type: string) => (type === "text/plain" ? "https://a.org/b.png" : "") };
  const paste = (): Event => Object.assign(new Event("paste", { bubbles: true }), { clipboardData });
  page.get(URL_FIELD).element.dispatchEvent(paste());
  expect(uploads).toHaveLength(0);
  document.body.dispatchEvent(paste());
  expect(uploads).toHaveLength(1);
});

test("a problem is told in words, with a way out where there is one", async () => {
  open();
  useClassify().addUrl("https://example.org/a");
  useClassify().addUrl("https://example.org/b");
  await uploads[0]?.reply(422, { code: "fetch_failed", detail: "example.org answered with status 404." });
  await uploads[1]?.reply(415, { code: "unsupported_image", detail: "This is text." });
  await settle();
  const [unsupported, lost] = page.findAll("article");
  expect(lost?.text()).toContain("Could not fetch the image");
  expect(lost?.text()).toContain("example.org answered with status 404.");
  expect(unsupported?.find(".retry").exists()).toBe(false);
  await lost?.get(".retry").trigger("click");
  expect(uploads).toHaveLength(3);
});

test("who is put off sees the seconds run", async () => {
  open();
  useClassify().addUrl("https://example.org/a");
  await uploads[0]?.reply(429, { code: "rate_limited", detail: "" }, { "Retry-After": "3" });
  await settle();
  expect(page.get("article").text()).toContain("Retrying in 3 s");
  await vi.advanceTimersByTimeAsync(1500);
  expect(page.get("article").text()).toContain("Retrying in 2 s");
});

test("the answer is copied as JSON", async () => {
  const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  open();
  useClassify().addUrl("https://example.org/a");
  await uploads[0]?.reply(201, cat);
  await settle();
  await page.get("article .dropdown-item").trigger("click");
  await settle();
  expect(write).toHaveBeenCalledWith(JSON.stringify(cat, null, 2));
  expect(useNotices().items.map(({ text }) => text)).toEqual(["Copied"]);
});

test("where only people who are signed in may classify, the page says so and takes nothing", async () => {
  open();
  const session = { user: null, scopes: [], registration: true, anonymous: false, password_min_length: 15 };
  useSession().accept({ ...session, providers: [] });
  await settle();
  expect(page.find(URL_FIELD).exists()).toBe(false);
  window.dispatchEvent(
    Object.assign(new Event("drop"), { dataTransfer: { files: [new File(["x"], "a.jpg")], getData: () => "" } }),
  );
  expect(uploads).toHaveLength(0);
});
