import type { Classification } from "@/api/classify";

export const PARTS = ["fetch", "preprocess", "queue", "inference"] as const;
export type Part = (typeof PARTS)[number];

export interface Share {
  part: Part;
  ms: number;
  /** Of the sum of all parts, 0 to 1. */
  share: number;
}

/** The parts of an answer's time that took any; none where the answer was known before. */
export function shares(timings: Classification["timings_ms"]): Share[] {
  const sum = PARTS.reduce((total, part) => total + timings[part], 0);
  return PARTS.map((part) => ({ part, ms: timings[part], share: timings[part] / sum })).filter(({ ms }) => ms > 0);
}
