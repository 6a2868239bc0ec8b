import { urlOf } from "@/api/root";

/** Photos that come with the app (public/examples says whose), by the name of their text. */
export const EXAMPLES = ["cat", "espresso", "rocket", "camera"] as const;
export type Example = (typeof EXAMPLES)[number];

export function exampleUrl(name: Example): string {
  return urlOf(`examples/${name}.jpg`);
}
