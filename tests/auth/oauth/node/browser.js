// The parent process acts as the browser: it reads a URL and writes the URL that it was redirected to.

import { createInterface } from "node:readline/promises";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export async function visit(url) {
  console.log(JSON.stringify({ visit: url.href }));
  const { value } = await lines.next();
  return new URL(value);
}

export function done(result) {
  console.log(JSON.stringify({ done: result }));
  process.exit(0);
}
