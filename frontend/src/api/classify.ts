import { MAX_BYTES, type Source } from "@/classify/source";
import type { components } from "../../openapi";
import { serviceUrl } from "./baseUrl";
import { checkUnauthorized, CSRF_HEADERS } from "./client";
import { networkProblem, parseProblem, Problem } from "./problem";

export type Classification = components["schemas"]["Classification"];
export type CacheOutcome = "hit" | "miss" | "shared";

export interface ClassifyResult {
  classification: Classification;
  outcome: CacheOutcome;
}

export interface ClassifyOptions {
  topK: number;
  /** Empty: the service's default. */
  model: string;
}

export function classificationsUrl({ topK, model }: ClassifyOptions): string {
  const query = new URLSearchParams({ top_k: String(topK), ...(model ? { model } : {}) });
  return `${serviceUrl("api/v1/classifications")}?${query.toString()}`;
}

/**
 * Classifies one image. Uses XMLHttpRequest because fetch does not report upload progress; `onProgress` receives the
 * uploaded share, 0 to 1. Throws Problem, or the signal's reason.
 */
export function classifyImage(
  source: Source,
  options: ClassifyOptions,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<ClassifyResult> {
  if (source.kind === "file" && source.data.size > MAX_BYTES) {
    return Promise.reject(new Problem("image_too_large", 413, ""));
  }
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", classificationsUrl(options));
    for (const [name, value] of Object.entries(CSRF_HEADERS)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    };
    request.upload.onload = () => {
      onProgress(1);
    };
    request.onerror = () => {
      reject(networkProblem());
    };
    request.onload = () => {
      if (request.status === 201) resolve(parseResult(request));
      else reject(checkUnauthorized(failureOf(request)));
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

function parseResult(request: XMLHttpRequest): ClassifyResult {
  const outcome = request.getResponseHeader("X-Cache");
  return {
    classification: parseJson(request) as Classification,
    outcome: outcome === "hit" || outcome === "shared" ? outcome : "miss",
  };
}

function failureOf(request: XMLHttpRequest): Problem {
  return parseProblem(request.status, parseJson(request), request.getResponseHeader("Retry-After"));
}

function parseJson(request: XMLHttpRequest): unknown {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return null;
  }
}
