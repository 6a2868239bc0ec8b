/** Where the app lies, such as https://example.org/raylens/; the service writes it into <base>. */
export const root: URL = new URL(".", document.baseURI);

/** The full address of a path of the service, e.g. "api/docs". */
export function urlOf(path: string): string {
  return new URL(path.replace(/^\//, ""), root).href;
}
