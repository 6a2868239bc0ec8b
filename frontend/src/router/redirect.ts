import { baseUrl } from "@/api/baseUrl";

/**
 * Where to go after sign-in: a page of this app, or a URL of the service's own pages, such as those of its OAuth
 * server. Any other value of `next` leads to the start page, so links cannot redirect users to other sites.
 */
export function resolveRedirect(next: unknown): { path: string; isPage: boolean } {
  const path = typeof next === "string" ? next : "/";
  if (!path.startsWith("/") || path.startsWith("//") || path.includes("\\")) return { path: "/", isPage: true };
  const url = new URL(path.slice(1), baseUrl);
  if (url.origin !== baseUrl.origin) return { path: "/", isPage: true };
  const isPage = !/^\/(oauth|auth|api)\//.test(path);
  return { path: isPage ? path : url.href, isPage };
}
