/** An image to classify. `preview` is an object URL for an <img>. */
export type Source = FileSource | UrlSource;

export interface FileSource {
  kind: "file";
  name: string;
  data: Blob;
  preview: string;
}

export interface UrlSource {
  kind: "url";
  name: string;
  url: string;
  preview: null;
}

/** The service's limit, checked before an upload that it would reject at the end. */
export const MAX_BYTES = 20 * 1024 * 1024;

export function fileSource(data: Blob, name: string): FileSource {
  return { kind: "file", name, data, preview: URL.createObjectURL(data) };
}

export function urlSource(url: string): UrlSource {
  return { kind: "url", name: displayName(url), url, preview: null };
}

/** Revokes the object URL of the preview. */
export function releasePreview(source: Source): void {
  if (source.preview) URL.revokeObjectURL(source.preview);
}

/** The last segment of the path, or the host. */
function displayName(url: string): string {
  try {
    const { hostname, pathname } = new URL(url);
    return decodeURIComponent(pathname.split("/").filter(Boolean).at(-1) ?? "") || hostname;
  } catch {
    return url;
  }
}

/** The HTTP URL that a text consists of; null for any other text. */
export function parseUrl(text: string): string | null {
  const trimmed = text.trim();
  return /^https?:\/\/\S+$/i.test(trimmed) ? trimmed : null;
}
