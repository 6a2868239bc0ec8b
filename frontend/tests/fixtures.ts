import type { Classification } from "@/api/classify";

export const cat: Classification = {
  id: "01a2038eca797e259b2ba0e17589ce76",
  created_at: "2026-11-22T14:00:19.321171Z",
  image: { sha256: "2c0357a5", format: "JPEG", width: 451, height: 300 },
  model: { name: "efficientnet-lite0", version: "1", runtime: "openvino", precision: "fp32" },
  predictions: [
    { rank: 1, index: 285, wnid: "n02124075", label: "Egyptian_cat", probability: 0.3777 },
    { rank: 2, index: 282, wnid: "n02123159", label: "tiger_cat", probability: 0.36 },
  ],
  cached: false,
  timings_ms: { fetch: 0, preprocess: 7.2, queue: 71.2, inference: 32.6, total: 111 },
};
