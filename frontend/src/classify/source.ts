/** What is to be classified. `preview` is an address of this page that shows it, where the browser can. */
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

/** The service takes no more, so that nobody waits for an upload that is refused at its end. */
export const MAX_BYTES = 20 * 1024 * 1024;

export function fileSource(data: Blob, name: string): FileSource {
  return { kind: "file", name, data, preview: URL.createObjectURL(data) };
}

export function urlSource(url: string): UrlSource {
  return { kind: "url", name: nameOf(url), url, preview: null };
}

/** Frees what the preview holds. */
export function release(source: Source): void {
  if (source.preview) URL.revokeObjectURL(source.preview);
}

/** The last part of the path, or the host: what people recognise. */
function nameOf(url: string): string {
  try {
    const { hostname, pathname } = new URL(url);
    return decodeURIComponent(pathname.split("/").filter(Boolean).at(-1) ?? "") || hostname;
  } catch {
    return url;
  }
}

/** The address in a text, if it is one and nothing else. */
export function urlIn(text: string): string | null {
  const first = text.trim().split(/\s+/);
  return first.length === 1 && /^https?:\/\/\S+$/i.test(first[0] ?? "") ? (first[0] ?? null) : null;
}
