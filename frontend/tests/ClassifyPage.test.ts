import ClassifyPage from "@/pages/ClassifyPage.vue";
import { createAppRouter } from "@/router";
import { useClassify } from "@/stores/classify";
import { useToasts } from "@/stores/toasts";
import { useSession } from "@/stores/session";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { createMemoryHistory } from "vue-router";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { cat } from "./fixtures";
import { mockServer } from "./mockServer";
import { mockUploads, uploads } from "./mockUpload";

const URL_FIELD = "input[type=url]";
let page: VueWrapper;

function open(models: object[] = []): VueWrapper {
  mockServer({ "GET /api/v1/models": { body: { items: models } } });
  const plugins = [createAppRouter(createMemoryHistory())];
  page = mount(ClassifyPage, { global: { plugins }, attachTo: document.body });
  return page;
}

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
  await flushPromises();
}

beforeEach(() => {
  vi.useFakeTimers();
  mockUploads();
});

afterEach(() => {
  page.unmount();
  vi.useRealTimers();
});

test("a typed URL is classified, and its result is shown and announced", async () => {
  open();
  await page.get(URL_FIELD).setValue("https://example.org/cat.jpg");
  await page.get("form").trigger("submit");
  await uploads[0]?.respond(201, cat, { "X-Cache": "shared" });
  await settle();
  expect(page.findAll(".predictions .label").map((label) => label.text())).toEqual(["Egyptian cat", "tiger cat"]);
  expect(page.get(".predictions .share").text()).toBe("37.8%");
  expect(page.get(".outcome").text()).toBe("shared");
  expect(page.get("[role=status]").text()).toBe("cat.jpg: Egyptian cat, 37.8%");
  expect(page.get<HTMLInputElement>(URL_FIELD).element.value).toBe("");
});

test.each([
  ["multi-label", true],
  ["multi-class", false],
])("labels of a %s model without WordNet ids", async (kind, isExplained) => {
  open([{ name: cat.model.name, kind, default: true, classes: 2 }]);
  await settle();
  await page.get(URL_FIELD).setValue("https://example.org/cat.jpg");
  await page.get("form").trigger("submit");
  const predictions = cat.predictions.map((prediction) => ({ ...prediction, wnid: "" }));
  await uploads[0]?.respond(201, { ...cat, predictions }, { "X-Cache": "miss" });
  await settle();
  expect(page.findAll(".predictions .label")).toHaveLength(2);
  expect(page.findAll(".predictions a")).toHaveLength(0);
  expect(page.get(".lead").text()).toContain("recognizes 2 classes");
  expect(page.text().includes("Several classes can apply at once")).toBe(isExplained);
});

test("an invalid URL stays in the field and shows an error", async () => {
  open();
  await page.get(URL_FIELD).setValue("cat.jpg");
  await page.get("form").trigger("submit");
  expect(uploads).toHaveLength(0);
  expect(page.get("[role=alert]").text()).toContain("Enter a URL");
  expect(page.get(URL_FIELD).attributes("aria-invalid")).toBe("true");
});

test("dropped files are classified", async () => {
  open();
  const data = { files: [new File(["x"], "a.jpg"), new File(["y"], "b.jpg")], types: ["Files"], getData: () => "" };
  window.dispatchEvent(Object.assign(new Event("drop"), { dataTransfer: data }));
  await settle();
  expect(page.findAll(".name").map((name) => name.text())).toEqual(["a.jpg", "b.jpg"]);
});

test("a URL pasted outside of text fields is classified", async () => {
  open();
  const clipboardData = { files: [], getData: (type: string) => (type === "text/plain" ? "https://a.org/b.png" : "") };
  const paste = (): Event => Object.assign(new Event("paste", { bubbles: true }), { clipboardData });
  page.get(URL_FIELD).element.dispatchEvent(paste());
  expect(uploads).toHaveLength(0);
  document.body.dispatchEvent(paste());
  expect(uploads).toHaveLength(1);
});

test("a problem is explained, with a retry button if a retry can help", async () => {
  open();
  useClassify().addUrl("https://example.org/a");
  useClassify().addUrl("https://example.org/b");
  await uploads[0]?.respond(422, { code: "fetch_failed", detail: "example.org answered with status 404." });
  await uploads[1]?.respond(415, { code: "unsupported_image", detail: "This is text." });
  await settle();
  const [unsupported, lost] = page.findAll("article");
  expect(lost?.text()).toContain("Could not fetch the image");
  expect(lost?.text()).toContain("example.org answered with status 404.");
  expect(unsupported?.find(".retry").exists()).toBe(false);
  await lost?.get(".retry").trigger("click");
  expect(uploads).toHaveLength(3);
});

test("a rate-limited image shows a countdown", async () => {
  open();
  useClassify().addUrl("https://example.org/a");
  await uploads[0]?.respond(429, { code: "rate_limited", detail: "" }, { "Retry-After": "3" });
  await settle();
  expect(page.get("article").text()).toContain("Retrying in 3 s");
  await vi.advanceTimersByTimeAsync(1500);
  expect(page.get("article").text()).toContain("Retrying in 2 s");
});

test("the result is copied as JSON", async () => {
  const write = vi.spyOn(navigator.clipboard, "writeText").mockResolvedValue();
  open();
  useClassify().addUrl("https://example.org/a");
  await uploads[0]?.respond(201, cat);
  await settle();
  await page.get("article .dropdown-item").trigger("click");
  await settle();
  expect(write).toHaveBeenCalledWith(JSON.stringify(cat, null, 2));
  expect(useToasts().items.map(({ text }) => text)).toEqual(["Copied"]);
});

test("without anonymous access, the page requires sign-in and ignores drops", async () => {
  open();
  const session = { user: null, scopes: [], registration: true, anonymous: false, password_min_length: 15 };
  useSession().setSession({ ...session, providers: [] });
  await settle();
  expect(page.find(URL_FIELD).exists()).toBe(false);
  window.dispatchEvent(
    Object.assign(new Event("drop"), { dataTransfer: { files: [new File(["x"], "a.jpg")], getData: () => "" } }),
  );
  expect(uploads).toHaveLength(0);
});
