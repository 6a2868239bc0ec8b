import type { EdgeName } from "./layout";
import type { components } from "../../openapi";

export type LivePipeline = components["schemas"]["LivePipeline"];
export type Deployment = components["schemas"]["Deployment"];

/** Replicas of every deployment that does the same, such as the Classifiers of several models. */
export function together(pipeline: LivePipeline, prefix: string): Deployment {
  const same = Object.entries(pipeline.deployments)
    .filter(([name]) => name === prefix || name.startsWith(`${prefix}-`))
    .map(([, deployment]) => deployment);
  return {
    status: same.every(({ status }) => status === "HEALTHY") ? "HEALTHY" : "UPDATING",
    replicas: same.reduce((sum, { replicas }) => sum + replicas, 0),
    starting: same.reduce((sum, { starting }) => sum + starting, 0),
  };
}

/** Images in the queues of all models. */
export function queued(pipeline: LivePipeline): { waiting: number; running: number; limit: number } {
  const queues = Object.values(pipeline.queues);
  return {
    waiting: queues.reduce((sum, { waiting }) => sum + waiting, 0),
    running: queues.reduce((sum, { running }) => sum + running, 0),
    limit: queues.reduce((sum, { limit }) => sum + limit, 0),
  };
}

/** Images a second along each edge. What is known or shared never enters the chain. */
export function flows(pipeline: LivePipeline): Record<EdgeName, number> {
  const inferred = pipeline.inferred_per_s;
  return {
    asked: pipeline.images_per_s,
    known: Math.max(0, pipeline.images_per_s - inferred),
    missed: inferred,
    decoded: inferred,
    inferred,
    answered: inferred,
  };
}

export interface Bar {
  name: string;
  value: number;
  /** Of the largest, 0 to 1. */
  share: number;
}

export function bars(values: Record<string, number | null>): Bar[] {
  const known = Object.entries(values).map(([name, value]) => ({ name, value: value ?? 0 }));
  const largest = Math.max(...known.map(({ value }) => value)) || 1;
  return known.map(({ name, value }) => ({ name, value, share: value / largest }));
}

/** How many dots run along an edge: none when nothing does, and a few at most, since more would not say more. */
export function dots(perSecond: number): number {
  return perSecond > 0 ? Math.min(6, 1 + Math.floor(Math.log2(1 + perSecond))) : 0;
}
