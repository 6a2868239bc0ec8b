import type { EdgeName } from "./layout";
import type { components } from "../../openapi";

export type LivePipeline = components["schemas"]["LivePipeline"];
export type Deployment = components["schemas"]["Deployment"];

/** Replicas of all deployments of one stage, such as the Classifiers of several models. */
export function deploymentTotals(pipeline: LivePipeline, stageName: string): Deployment {
  const stage = Object.entries(pipeline.deployments)
    .filter(([name]) => name === stageName || name.startsWith(`${stageName}-`))
    .map(([, deployment]) => deployment);
  return {
    status: stage.every(({ status }) => status === "HEALTHY") ? "HEALTHY" : "UPDATING",
    replicas: stage.reduce((sum, { replicas }) => sum + replicas, 0),
    starting: stage.reduce((sum, { starting }) => sum + starting, 0),
  };
}

/** Images in the queues of all models. */
export function queueTotals(pipeline: LivePipeline): { waiting: number; running: number; limit: number } {
  const queues = Object.values(pipeline.queues);
  return {
    waiting: queues.reduce((sum, { waiting }) => sum + waiting, 0),
    running: queues.reduce((sum, { running }) => sum + running, 0),
    limit: queues.reduce((sum, { limit }) => sum + limit, 0),
  };
}

/** Images per second along each edge. Cached and shared results do not pass the stages. */
export function edgeRates(pipeline: LivePipeline): Record<EdgeName, number> {
  const inferred = pipeline.inferred_per_s;
  return {
    requested: pipeline.images_per_s,
    cached: Math.max(0, pipeline.images_per_s - inferred),
    missed: inferred,
    decoded: inferred,
    inferred,
    returned: inferred,
  };
}

export interface Bar {
  name: string;
  value: number;
  /** Fraction of the largest value, 0 to 1. */
  share: number;
}

export function barShares(values: Record<string, number | null>): Bar[] {
  const numbers = Object.entries(values).map(([name, value]) => ({ name, value: value ?? 0 }));
  const largest = Math.max(...numbers.map(({ value }) => value)) || 1;
  return numbers.map(({ name, value }) => ({ name, value, share: value / largest }));
}

/** Number of animated dots on an edge, 0 to 6, growing with the logarithm of the rate. */
export function dotCount(perSecond: number): number {
  return perSecond > 0 ? Math.min(6, 1 + Math.floor(Math.log2(1 + perSecond))) : 0;
}
