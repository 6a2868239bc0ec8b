/** URL of the app's root, e.g. https://example.org/raylens/; the service sets it in <base>. */
export const baseUrl: URL = new URL(".", document.baseURI);

/** The absolute URL of a path of the service, e.g. "api/docs". */
export function serviceUrl(path: string): string {
  return new URL(path.replace(/^\//, ""), baseUrl).href;
}
