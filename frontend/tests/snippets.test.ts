import { curlSnippet, pythonSnippet } from "@/classify/snippets";
import { parseUrl, urlSource, type FileSource } from "@/classify/source";
import { timingShares } from "@/classify/timings";
import { synsetUrl } from "@/classify/synset";
import { formatDuration, formatLabel, formatPercent, formatRelativeTime } from "@/texts/format";
import { expect, test } from "vitest";
import { cat } from "./fixtures";

const options = { topK: 5, model: "" };
const file: FileSource = { kind: "file", name: "it's a cat.jpg", data: new Blob(), preview: "blob:" };

test("the curl command quotes any name", () => {
  expect(curlSnippet(file, options)).toMatch(
    /^curl --data-binary '@it'\\''s a cat\.jpg' 'http.*classifications\?top_k=5'$/,
  );
  expect(curlSnippet(urlSource("https://example.org/a'b"), options)).toContain(
    "--json '{\"image_url\":\"https://example.org/a'\\''b\"}'",
  );
});

test("the Python code quotes any name", () => {
  const script = pythonSnippet(file, { topK: 3, model: "resnet" });
  expect(script).toContain('content=Path("it\'s a cat.jpg").read_bytes(),');
  expect(script).toContain('params={"top_k": "3", "model": "resnet"},');
  expect(pythonSnippet(urlSource('https://example.org/"'), options)).toContain(
    'json={"image_url": "https://example.org/\\""},',
  );
});

test.each([
  ["https://example.org/cat.jpg", "https://example.org/cat.jpg"],
  [" http://example.org \n", "http://example.org"],
  ["ftp://example.org", null],
  ["see https://example.org", null],
  ["", null],
])("%j is parsed as the URL %j", (text, url) => {
  expect(parseUrl(text)).toBe(url);
});

test("the timing shares add up to 1, without parts that took no time", () => {
  const parts = timingShares(cat.timings_ms);
  expect(parts.map(({ part }) => part)).toEqual(["preprocess", "queue", "inference"]);
  expect(parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  expect(timingShares({ fetch: 0, preprocess: 0, queue: 0, inference: 0, total: 0.07 })).toEqual([]);
});

test("a class links to its synset", () => {
  expect(synsetUrl("n02124075")).toMatch(/\/02124075-n$/);
});

test("numbers are formatted", () => {
  expect([0.3777, 1, 0, 0.0001, 0.9999].map(formatPercent)).toEqual(["37.8%", "100.0%", "0.0%", "< 0.1%", "> 99.9%"]);
  expect([0.0684, 8.41, 111.017, 1234].map(formatDuration)).toEqual(["0.068 ms", "8.4 ms", "111 ms", "1.2 s"]);
  expect(formatLabel("Egyptian_cat")).toBe("Egyptian cat");
});

test("relative times are never in the future", () => {
  const now = Date.parse("2026-11-22T14:00:00Z");
  expect(formatRelativeTime("2026-11-22T13:57:30Z", now)).toBe("2 minutes ago");
  expect(formatRelativeTime("2026-11-20T13:00:00Z", now)).toBe("2 days ago");
  expect(formatRelativeTime("2026-11-22T14:00:03Z", now)).toBe("now");
});
