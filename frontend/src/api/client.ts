import createClient from "openapi-fetch";
import { Problem, problemOf, unreachable } from "./problem";
import { root } from "./root";
import type { paths } from "../../openapi";

/** Other sites cannot make a browser send it; writes with the session cookie need it. */
export const OWN = { "X-Requested-With": "raylens-web" } as const;

/** Typed by frontend/openapi.json: `await answer(api.GET("/api/v1/models"))`. */
export const api = createClient<paths>({
  baseUrl: root.href.replace(/\/$/, ""),
  headers: OWN,
  // Looked up at each call, so that a test can put its own in place.
  fetch: (request) => globalThis.fetch(request),
});

interface Reply<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

let onSignedOut = (): void => undefined;

/** Calls `listener` whenever the service says that nobody is signed in. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

/** The body of a call's reply. Throws Problem, also where the service is not reached. */
export async function answer<Data>(call: Promise<Reply<Data>>): Promise<Data> {
  let reply: Reply<Data>;
  try {
    reply = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw unreachable();
  }
  if (reply.response.ok) return reply.data as Data;
  throw noted(problemOf(reply.response.status, reply.error, reply.response.headers.get("Retry-After")));
}

/** The same problem, after those who must know of it were told. */
export function noted(problem: Problem): Problem {
  if (problem.status === 401) onSignedOut();
  return problem;
}
