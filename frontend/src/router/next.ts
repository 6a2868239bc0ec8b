import { root } from "@/api/root";

/**
 * Where to go after signing in: a page of this app, or an address of the service's own pages, as the OAuth server
 * sends people here. Anything else is the start page, so that no link leads people elsewhere.
 */
export function nextOf(query: unknown): { path: string; isPage: boolean } {
  const wanted = typeof query === "string" ? query : "/";
  if (!wanted.startsWith("/") || wanted.startsWith("//") || wanted.includes("\\")) return { path: "/", isPage: true };
  const url = new URL(wanted.slice(1), root);
  if (url.origin !== root.origin) return { path: "/", isPage: true };
  const isPage = !/^\/(oauth|auth|api)\//.test(wanted);
  return { path: isPage ? wanted : url.href, isPage };
}
