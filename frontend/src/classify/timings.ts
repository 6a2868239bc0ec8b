import type { Classification } from "@/api/classify";

export const TIMING_PARTS = ["fetch", "preprocess", "queue", "inference"] as const;
export type TimingPart = (typeof TIMING_PARTS)[number];

export interface TimingShare {
  part: TimingPart;
  ms: number;
  /** Fraction of the sum of all parts, 0 to 1. */
  share: number;
}

/** The parts that took any time; none for a cache hit. */
export function timingShares(timings: Classification["timings_ms"]): TimingShare[] {
  const sum = TIMING_PARTS.reduce((total, part) => total + timings[part], 0);
  const shares = TIMING_PARTS.map((part) => ({ part, ms: timings[part], share: timings[part] / sum }));
  return shares.filter(({ ms }) => ms > 0);
}
