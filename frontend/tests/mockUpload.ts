import { vi } from "vitest";

/** Replaces XMLHttpRequest; the test decides when and how the request ends. */
export class MockUpload {
  readonly headers: Record<string, string> = {};
  readonly upload: { onprogress?: (event: ProgressEvent) => void; onload?: () => void } = {};
  method = "";
  url = "";
  body: unknown;
  status = 0;
  responseText = "";
  isAborted = false;
  onload?: () => void;
  onerror?: () => void;
  onabort?: () => void;
  private responseHeaders: Record<string, string> = {};

  open(method: string, url: string): void {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  getResponseHeader(name: string): string | null {
    return this.responseHeaders[name] ?? null;
  }

  send(body: unknown): void {
    this.body = body;
    uploads.push(this);
  }

  abort(): void {
    this.isAborted = true;
    this.onabort?.();
  }

  progress(loaded: number, total: number): void {
    this.upload.onprogress?.({ lengthComputable: true, loaded, total } as ProgressEvent);
  }

  async respond(status: number, body: unknown, headers: Record<string, string> = {}): Promise<void> {
    this.status = status;
    this.responseText = typeof body === "string" ? body : JSON.stringify(body);
    this.responseHeaders = headers;
    this.onload?.();
    await vi.advanceTimersByTimeAsync(0);
  }

  async fail(): Promise<void> {
    this.onerror?.();
    await vi.advanceTimersByTimeAsync(0);
  }
}

/** The requests sent so far, in order. */
export let uploads: MockUpload[] = [];

/** Replaces XMLHttpRequest for the current test. Requires fake timers. */
export function mockUploads(): void {
  uploads = [];
  vi.stubGlobal("XMLHttpRequest", MockUpload);
}
