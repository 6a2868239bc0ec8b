import { parseUrl } from "@/classify/source";
import { onBeforeUnmount, onMounted, readonly, ref, type Ref } from "vue";

interface DropHandlers {
  files: (files: File[]) => void;
  url: (url: string) => void;
}

/** Handles files and URLs dropped anywhere on the page or pasted outside of text fields. */
export function useDropAndPaste(handlers: DropHandlers): { isDragOver: Readonly<Ref<boolean>> } {
  const isDragOver = ref(false);

  function accept(data: DataTransfer): boolean {
    const files = [...data.files];
    const url = files.length ? null : parseUrl(data.getData("text/uri-list") || data.getData("text/plain"));
    if (files.length) handlers.files(files);
    else if (url) handlers.url(url);
    return files.length > 0 || url !== null;
  }

  function onDragOver(event: DragEvent): void {
    if (!event.dataTransfer?.types.some((type) => type === "Files" || type === "text/uri-list")) return;
    event.preventDefault();
    isDragOver.value = true;
  }

  function onDragLeave(event: DragEvent): void {
    if (!event.relatedTarget) isDragOver.value = false; // the pointer left the window
  }

  function onDrop(event: DragEvent): void {
    isDragOver.value = false;
    if (event.dataTransfer && accept(event.dataTransfer)) event.preventDefault();
  }

  function onPaste(event: ClipboardEvent): void {
    const isTyping = event.target instanceof Element && event.target.matches("input, textarea");
    const hasFiles = Boolean(event.clipboardData?.files.length);
    if (event.clipboardData && (hasFiles || !isTyping) && accept(event.clipboardData)) event.preventDefault();
  }

  onMounted(() => {
    window.addEventListener("dragover", onDragOver);
    window.addEventListener("dragleave", onDragLeave);
    window.addEventListener("drop", onDrop);
    window.addEventListener("paste", onPaste);
  });
  onBeforeUnmount(() => {
    window.removeEventListener("dragover", onDragOver);
    window.removeEventListener("dragleave", onDragLeave);
    window.removeEventListener("drop", onDrop);
    window.removeEventListener("paste", onPaste);
  });
  return { isDragOver: readonly(isDragOver) };
}
