import { MAX_BYTES } from "@/classify/source";
import { useClassify, type ClassifyItem } from "@/stores/classify";
import { usePreferences } from "@/stores/preferences";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { cat } from "./fixtures";
import { mockUploads, uploads } from "./mockUpload";

const BUSY = { code: "overloaded", detail: "Too much is waiting.", status: 503 };

function photo(name = "cat.jpg", bytes = 3): File {
  return new File([new Uint8Array(bytes)], name, { type: "image/jpeg" });
}

function first(): ClassifyItem {
  const item = useClassify().items[0];
  if (!item) throw new Error("there is no item");
  return item;
}

beforeEach(() => {
  vi.useFakeTimers();
  mockUploads();
});

afterEach(() => {
  vi.useRealTimers();
});

test("a photo is uploaded unchanged with the chosen options", async () => {
  usePreferences().topK = 3;
  usePreferences().model = "resnet";
  useClassify().addFiles([photo()]);
  const upload = uploads[0];
  expect(upload?.method).toBe("POST");
  expect(upload?.url).toMatch(/\/api\/v1\/classifications\?top_k=3&model=resnet$/);
  expect(upload?.headers["X-Requested-With"]).toBe("raylens-web");
  expect(upload?.body).toBeInstanceOf(File);
  upload?.progress(1, 4);
  expect(first().state).toEqual({ name: "uploading", share: 0.25 });
  upload?.upload.onload?.();
  expect(first().state.name).toBe("classifying");
  await upload?.respond(201, cat, { "X-Cache": "hit" });
  expect(first().state).toEqual({ name: "done", result: { classification: cat, outcome: "hit" } });
});

test("a URL is sent as JSON and named after its last segment", () => {
  useClassify().addUrl("https://example.org/photos/my%20cat.jpg?x=1");
  expect(JSON.parse(uploads[0]?.body as string)).toEqual({ image_url: "https://example.org/photos/my%20cat.jpg?x=1" });
  expect(first().source.name).toBe("my cat.jpg");
});

test("four uploads run concurrently, the others follow in order", async () => {
  const names = ["a", "b", "c", "d", "e", "f"];
  useClassify().addFiles(names.map((name) => photo(name)));
  expect(uploads.map(({ body }) => (body as File).name)).toEqual(["a", "b", "c", "d"]);
  await uploads[2]?.respond(201, cat);
  await uploads[0]?.respond(415, { code: "unsupported_image", detail: "This is text." });
  expect(uploads.map(({ body }) => (body as File).name)).toEqual(names);
  expect(useClassify().counts).toEqual({ all: 6, done: 2 });
});

test("a rejected image is retried after Retry-After", async () => {
  useClassify().addFiles([photo()]);
  await uploads[0]?.respond(503, BUSY, { "Retry-After": "4" });
  expect(first().state).toMatchObject({ name: "waiting", until: Date.now() + 4000 });
  await vi.advanceTimersByTimeAsync(3900);
  expect(uploads).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(100);
  await uploads[1]?.respond(201, cat);
  expect(first().state.name).toBe("done");
});

test("after too many rejections an image fails until the user retries", async () => {
  useClassify().addFiles([photo()]);
  for (let time = 0; first().state.name !== "failed"; time++) {
    expect(time).toBeLessThan(10);
    await uploads[time]?.respond(429, { code: "rate_limited", detail: "" }, { "Retry-After": "1" });
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(uploads).toHaveLength(6);
  useClassify().retry(first());
  expect(uploads).toHaveLength(7);
});

test("a manual retry replaces the scheduled one", async () => {
  useClassify().addFiles([photo()]);
  await uploads[0]?.respond(503, BUSY, { "Retry-After": "4" });
  useClassify().retry(first());
  await vi.advanceTimersByTimeAsync(10_000);
  expect(uploads).toHaveLength(2);
});

test.each([
  ["a lost connection", "network"],
  ["a response without JSON", "unknown"],
])("%s fails the image", async (_, code) => {
  useClassify().addFiles([photo()]);
  if (code === "network") await uploads[0]?.fail();
  else await uploads[0]?.respond(502, "<html>");
  expect(first().state).toMatchObject({ name: "failed", problem: { code } });
});

test("a file over the limit is not sent", async () => {
  useClassify().addFiles([photo("poster.tiff", MAX_BYTES + 1)]);
  await vi.advanceTimersByTimeAsync(0);
  expect(uploads).toHaveLength(0);
  expect(first().state).toMatchObject({ name: "failed", problem: { code: "image_too_large" } });
});

test("a removed image is aborted, released, and frees its slot", async () => {
  const freed = vi.spyOn(URL, "revokeObjectURL");
  const store = useClassify();
  store.addFiles(["a", "b", "c", "d", "e"].map((name) => photo(name)));
  store.remove(first());
  await vi.advanceTimersByTimeAsync(0);
  expect(uploads[0]?.isAborted).toBe(true);
  expect(freed).toHaveBeenCalledTimes(1);
  expect(store.items.map(({ source }) => source.name)).toEqual(["b", "c", "d", "e"]);
  expect(uploads).toHaveLength(5);
  store.clear();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(store.items).toHaveLength(0);
  expect(uploads).toHaveLength(5);
});
