/** Positions of the nodes and edges in viewBox units, for wide screens and for phones. */
export const NODES = ["clients", "ingress", "cache", "preprocessor", "classifier", "results"] as const;
export type NodeName = (typeof NODES)[number];

export const EDGES = ["requested", "cached", "missed", "decoded", "inferred", "returned"] as const;
export type EdgeName = (typeof EDGES)[number];

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Layout {
  width: number;
  height: number;
  nodes: Record<NodeName, Box>;
  /** SVG paths; `cached` leads from the Ingress to the cache, `returned` from Results back to the Ingress. */
  edges: Record<EdgeName, string>;
}

export const WIDE_LAYOUT: Layout = {
  width: 1040,
  height: 306,
  nodes: {
    clients: { x: 0, y: 150, width: 130, height: 84 },
    ingress: { x: 200, y: 132, width: 200, height: 120 },
    cache: { x: 210, y: 2, width: 180, height: 76 },
    preprocessor: { x: 474, y: 142, width: 160, height: 100 },
    classifier: { x: 677, y: 142, width: 160, height: 100 },
    results: { x: 880, y: 142, width: 160, height: 100 },
  },
  edges: {
    requested: "M130 192H196",
    cached: "M300 132V82",
    missed: "M400 192H470",
    decoded: "M634 192H673",
    inferred: "M837 192H876",
    returned: "M960 242V282Q960 302 940 302H320Q300 302 300 282V256",
  },
};

export const TALL_LAYOUT: Layout = {
  width: 340,
  height: 704,
  nodes: {
    clients: { x: 20, y: 2, width: 180, height: 84 },
    ingress: { x: 10, y: 126, width: 200, height: 120 },
    cache: { x: 250, y: 136, width: 88, height: 100 },
    preprocessor: { x: 20, y: 290, width: 180, height: 100 },
    classifier: { x: 20, y: 434, width: 180, height: 100 },
    results: { x: 20, y: 578, width: 180, height: 100 },
  },
  edges: {
    requested: "M110 86V122",
    cached: "M210 180H246",
    missed: "M110 246V286",
    decoded: "M110 390V430",
    inferred: "M110 534V574",
    returned: "M200 628H250Q270 628 270 608V290Q270 270 250 270H190Q180 270 180 260V250",
  },
};
