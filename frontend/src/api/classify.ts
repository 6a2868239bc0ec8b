import { MAX_BYTES, type Source } from "@/classify/source";
import type { components } from "../../openapi";
import { noted, OWN } from "./client";
import { Problem, problemOf, unreachable } from "./problem";
import { urlOf } from "./root";

export type Classification = components["schemas"]["Classification"];
export type Outcome = "hit" | "miss" | "shared";

export interface Answer {
  classification: Classification;
  outcome: Outcome;
}

export interface Options {
  topK: number;
  /** Empty: the service's default. */
  model: string;
}

/** Where a classification is asked for. */
export function classificationsUrl({ topK, model }: Options): string {
  const query = new URLSearchParams({ top_k: String(topK), ...(model ? { model } : {}) });
  return `${urlOf("api/v1/classifications")}?${query.toString()}`;
}

/**
 * Classify one image. `onProgress` hears the share of the upload; fetch cannot tell it, so this is an XMLHttpRequest.
 * Throws Problem, or the signal's reason.
 */
export function classify(
  source: Source,
  options: Options,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Answer> {
  if (source.kind === "file" && source.data.size > MAX_BYTES) {
    return Promise.reject(new Problem("image_too_large", 413, ""));
  }
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", classificationsUrl(options));
    for (const [name, value] of Object.entries(OWN)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    };
    request.upload.onload = () => {
      onProgress(1);
    };
    request.onerror = () => {
      reject(unreachable());
    };
    request.onload = () => {
      if (request.status === 201) resolve(answerOf(request));
      else reject(noted(problemOf(request.status, json(request), request.getResponseHeader("Retry-After"))));
    };
    request.onabort = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", () => {
      request.abort();
    });
    send(request, source);
  });
}

function send(request: XMLHttpRequest, source: Source): void {
  if (source.kind === "file") {
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(source.data);
  } else {
    request.setRequestHeader("Content-Type", "application/json");
    request.send(JSON.stringify({ image_url: source.url }));
  }
}

function answerOf(request: XMLHttpRequest): Answer {
  const outcome = request.getResponseHeader("X-Cache");
  return {
    classification: json(request) as Classification,
    outcome: outcome === "hit" || outcome === "shared" ? outcome : "miss",
  };
}

function json(request: XMLHttpRequest): unknown {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return null;
  }
}
