// The browser's part is played by whoever started this program: it reads an address and writes where that ended.

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
