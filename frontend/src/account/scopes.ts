import type { Texts } from "@/texts/en";

/** What scopes permit, in the language of `texts`. */
export function describeScopes(scopes: readonly string[], texts: Texts): string {
  return scopes.map((scope) => texts.account.scopes[scope] ?? scope).join(", ");
}
