import AboutPage from "@/pages/AboutPage.vue";
import { NODES, TALL_LAYOUT, WIDE_LAYOUT, type Layout } from "@/pipeline/layout";
import {
  barShares,
  deploymentTotals,
  dotCount,
  edgeRates,
  queueTotals,
  type LivePipeline,
} from "@/pipeline/livePipeline";
import { flushPromises, mount } from "@vue/test-utils";
import { expect, test } from "vitest";
import { mockServer } from "./mockServer";

const healthy = { status: "HEALTHY", replicas: 1, starting: 0 };
const busy: LivePipeline = {
  window_s: 10,
  images_per_s: 20,
  inferred_per_s: 5,
  outcomes: { hit: 140, miss: 50, shared: 10 },
  cache_hit_share: 0.75,
  refusals: { corrupt_image: 2, overloaded: 5 },
  latency_ms: { p50: 0.2, p90: 110, p99: 390 },
  stages_ms: {
    preprocess: { p50: 5, p90: 6, p99: 7 },
    queue: { p50: 40, p90: 50, p99: 60 },
    inference: { p50: 22, p90: 30, p99: 31 },
  },
  batch_sizes: { "1": 40, "8": 2 },
  queues: { lite0: { waiting: 64, running: 8, limit: 256 }, resnet: { waiting: 0, running: 1, limit: 256 } },
  deployments: {
    Ingress: healthy,
    Preprocessor: healthy,
    Classifier: { status: "UPDATING", replicas: 2, starting: 1 },
    "Classifier-resnet": healthy,
    Results: healthy,
  },
};
const noTimes = { p50: null, p90: null, p99: null };
const idle: LivePipeline = {
  ...busy,
  images_per_s: 0,
  inferred_per_s: 0,
  outcomes: { hit: 0, miss: 0, shared: 0 },
  cache_hit_share: 0,
  refusals: {},
  latency_ms: noTimes,
  stages_ms: { preprocess: noTimes, queue: noTimes, inference: noTimes },
  batch_sizes: {},
};

async function open(pipeline: LivePipeline) {
  mockServer({ "GET /api/v1/pipeline": { body: pipeline }, "GET /api/v1/models": { body: { items: [] } } });
  const page = mount(AboutPage);
  await flushPromises();
  return page;
}

test("the graph shows replicas, rates and the queue", async () => {
  const page = await open(busy);
  const labels = page.findAll(".graph text").map((text) => text.text());
  const expected = ["20 images/s", "64 waiting", "75.0%", "22 ms", "3 replicas, 1 starting"];
  expect(labels).toEqual(expect.arrayContaining(expected));
  expect(page.findAll(".pip.running")).toHaveLength(6);
  expect(page.findAll(".pip")).toHaveLength(7);
  expect(page.findAll(".dot").length).toBeGreaterThan(6);
  expect(page.text()).toContain("7 rejected");
  expect(page.text()).toContain("up to 8");
  page.unmount();
});

test("an idle service shows no invalid numbers", async () => {
  const page = await open(idle);
  expect(page.text()).not.toMatch(/NaN|Infinity|undefined|null/);
  expect(page.findAll("circle.dot")).toHaveLength(0);
  expect(page.text()).toContain("No batches");
  page.unmount();
});

test("deployment totals include all models of a stage and no similar names", () => {
  expect(deploymentTotals(busy, "Classifier")).toEqual({ status: "UPDATING", replicas: 3, starting: 1 });
  expect(deploymentTotals(busy, "Class").replicas).toBe(0);
  expect(queueTotals(busy)).toEqual({ waiting: 64, running: 9, limit: 512 });
});

test("cached images do not pass the stages", () => {
  expect(edgeRates(busy)).toMatchObject({ requested: 20, cached: 15, missed: 5, returned: 5 });
  expect([0, 0.1, 1, 20, 5000].map(dotCount)).toEqual([0, 1, 2, 5, 6]);
});

test("bars without values have length 0", () => {
  expect(barShares({ p50: null, p90: null })).toEqual([
    { name: "p50", value: 0, share: 0 },
    { name: "p90", value: 0, share: 0 },
  ]);
});

test.each([
  ["wide", WIDE_LAYOUT],
  ["tall", TALL_LAYOUT],
])("the %s layout has no overlapping nodes", (_, layout: Layout) => {
  const boxes = NODES.map((name) => layout.nodes[name]);
  for (const [index, box] of boxes.entries()) {
    expect(box.x >= 0 && box.y >= 0).toBe(true);
    expect(box.x + box.width <= layout.width && box.y + box.height <= layout.height).toBe(true);
    for (const other of boxes.slice(index + 1)) {
      const isApart =
        box.x + box.width <= other.x
        || other.x + other.width <= box.x
        || box.y + box.height <= other.y
        || other.y + other.height <= box.y;
      expect(isApart).toBe(true);
    }
  }
});
