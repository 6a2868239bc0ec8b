import { useLanguage } from "./index";

const language = useLanguage();

function number(value: number, options: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(language.value, options).format(value);
}

/** 0.378 → 37.8%; what is not quite nothing or all is not rounded to it. */
export function percent(share: number): string {
  if (share > 0 && share < 0.001) return `< ${percent(0.001)}`;
  if (share < 1 && share > 0.999) return `> ${percent(0.999)}`;
  return number(share, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** Milliseconds as people read them: 0.07 ms, 8.4 ms, 111 ms, 1.2 s. */
export function duration(ms: number): string {
  if (ms >= 1000) return `${number(ms / 1000, { maximumSignificantDigits: 2 })} s`;
  return `${number(ms, { maximumSignificantDigits: ms < 100 ? 2 : 3 })} ms`;
}

export function count(value: number): string {
  return number(value, {});
}

/** For rates: 3 digits at most, e.g. 0.33, 12.5, 1,240. */
export function rate(value: number): string {
  return number(value, { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });
}

/** 4652008 → 4.7M */
export function short(value: number): string {
  return number(value, { notation: "compact", maximumFractionDigits: 1 });
}

export function fileSize(bytes: number): string {
  const unit = bytes < 1024 * 1024 ? "KB" : "MB";
  return `${number(bytes / (unit === "KB" ? 1024 : 1024 * 1024), { maximumFractionDigits: 1 })}\u00a0${unit}`;
}

/** "2 minutes ago"; `now` in milliseconds. */
export function ago(timestamp: string, now: number = Date.now()): string {
  const seconds = Math.min(0, (Date.parse(timestamp) - now) / 1000);
  const units = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]] as const;
  const [unit, size] = units.find(([, length]) => -seconds >= length) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(language.value, { numeric: "auto" }).format(Math.trunc(seconds / size), unit);
}

export function dateTime(timestamp: string): string {
  return new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeStyle: "short" }).format(
    Date.parse(timestamp),
  );
}

/** "Egyptian_cat" → "Egyptian cat" */
export function labelName(label: string): string {
  return label.replaceAll("_", " ");
}
