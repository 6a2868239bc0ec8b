import { vi } from "vitest";

/** A request that a test answers when it likes. */
export class Upload {
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
  private replyHeaders: Record<string, string> = {};

  open(method: string, url: string): void {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  getResponseHeader(name: string): string | null {
    return this.replyHeaders[name] ?? null;
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

  async reply(status: number, body: unknown, headers: Record<string, string> = {}): Promise<void> {
    this.status = status;
    this.responseText = typeof body === "string" ? body : JSON.stringify(body);
    this.replyHeaders = headers;
    this.onload?.();
    await vi.advanceTimersByTimeAsync(0);
  }

  async fail(): Promise<void> {
    this.onerror?.();
    await vi.advanceTimersByTimeAsync(0);
  }
}

/** Those that were sent, in order. */
export let uploads: Upload[] = [];

/** From now on nothing leaves the test. Needs fake timers. */
export function interceptUploads(): void {
  uploads = [];
  vi.stubGlobal("XMLHttpRequest", Upload);
}
