import createClient from "openapi-fetch";
import { baseUrl } from "./baseUrl";
import { networkProblem, parseProblem, type Problem } from "./problem";
import type { paths } from "../../openapi";

/** Required for writes with the session cookie: other sites cannot make a browser send this header. */
export const CSRF_HEADERS = { "X-Requested-With": "raylens-web" } as const;

/** API client with the types of frontend/openapi.json: `await unwrap(api.GET("/api/v1/models"))`. */
export const api = createClient<paths>({
  baseUrl: baseUrl.href.replace(/\/$/, ""),
  headers: CSRF_HEADERS,
  // Resolved on each call, so that tests can replace fetch.
  fetch: (request) => globalThis.fetch(request),
});

interface FetchResult<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

let unauthorizedListener = (): void => undefined;

/** Calls `listener` on every 401 response. */
export function onUnauthorized(listener: () => void): void {
  unauthorizedListener = listener;
}

/** The response body of a call. Throws Problem, including network failures. */
export async function unwrap<Data>(call: Promise<FetchResult<Data>>): Promise<Data> {
  let result: FetchResult<Data>;
  try {
    result = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw networkProblem();
  }
  if (result.response.ok) return result.data as Data;
  const { status, headers } = result.response;
  throw checkUnauthorized(parseProblem(status, result.error, headers.get("Retry-After")));
}

/** Calls the listener of `onUnauthorized` on a 401; returns the same problem. */
export function checkUnauthorized(problem: Problem): Problem {
  if (problem.status === 401) unauthorizedListener();
  return problem;
}
