import AboutPage from "@/pages/AboutPage.vue";
import { NODES, tall, wide, type Layout } from "@/pipeline/layout";
import { bars, dots, flows, queued, together, type LivePipeline } from "@/pipeline/live";
import { flushPromises, mount } from "@vue/test-utils";
import { expect, test } from "vitest";
import { serve } from "./server";

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
const nothing = { p50: null, p90: null, p99: null };
const idle: LivePipeline = {
  ...busy,
  images_per_s: 0,
  inferred_per_s: 0,
  outcomes: { hit: 0, miss: 0, shared: 0 },
  cache_hit_share: 0,
  refusals: {},
  latency_ms: nothing,
  stages_ms: { preprocess: nothing, queue: nothing, inference: nothing },
  batch_sizes: {},
};

async function open(pipeline: LivePipeline) {
  serve({ "GET /api/v1/pipeline": { body: pipeline }, "GET /api/v1/models": { body: { items: [] } } });
  const page = mount(AboutPage);
  await flushPromises();
  return page;
}

test("the graph shows replicas, rates and the queue", async () => {
  const page = await open(busy);
  const words = page.findAll(".graph text").map((text) => text.text());
  const told = ["20 images/s", "64 waiting", "75.0%", "22 ms", "3 replicas, 1 starting"];
  expect(words).toEqual(expect.arrayContaining(told));
  expect(page.findAll(".pip.running")).toHaveLength(6);
  expect(page.findAll(".pip")).toHaveLength(7);
  expect(page.findAll(".dot").length).toBeGreaterThan(6);
  expect(page.text()).toContain("7 rejected");
  expect(page.text()).toContain("up to 8");
  page.unmount();
});

test("an idle service shows that, and no figure it does not have", async () => {
  const page = await open(idle);
  expect(page.text()).not.toMatch(/NaN|Infinity|undefined|null/);
  expect(page.findAll("circle.dot")).toHaveLength(0);
  expect(page.text()).toContain("No batches");
  page.unmount();
});

test("deployments of several models count together, others of a similar name do not", () => {
  expect(together(busy, "Classifier")).toEqual({ status: "UPDATING", replicas: 3, starting: 1 });
  expect(together(busy, "Class").replicas).toBe(0);
  expect(queued(busy)).toEqual({ waiting: 64, running: 9, limit: 512 });
});

test("what is known never runs down the chain", () => {
  expect(flows(busy)).toMatchObject({ asked: 20, known: 15, missed: 5, answered: 5 });
  expect([0, 0.1, 1, 20, 5000].map(dots)).toEqual([0, 1, 2, 5, 6]);
});

test("bars without values have no length", () => {
  expect(bars({ p50: null, p90: null })).toEqual([
    { name: "p50", value: 0, share: 0 },
    { name: "p90", value: 0, share: 0 },
  ]);
});

test.each([["wide", wide], ["tall", tall]])("%s: everything is inside and nothing overlaps", (_, layout: Layout) => {
  const boxes = NODES.map((name) => layout.nodes[name]);
  for (const [place, box] of boxes.entries()) {
    expect(box.x >= 0 && box.y >= 0).toBe(true);
    expect(box.x + box.width <= layout.width && box.y + box.height <= layout.height).toBe(true);
    for (const other of boxes.slice(place + 1)) {
      const isApart =
        box.x + box.width <= other.x
        || other.x + other.width <= box.x
        || box.y + box.height <= other.y
        || other.y + other.height <= box.y;
      expect(isApart).toBe(true);
    }
  }
});
