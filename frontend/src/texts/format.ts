import { useLanguage } from "./index";

const language = useLanguage();

function formatNumber(value: number, options: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(language.value, options).format(value);
}

/** 0.378 → 37.8%. Only exactly 0 and 1 become 0.0% and 100.0%. */
export function formatPercent(share: number): string {
  if (share > 0 && share < 0.001) return `< ${formatPercent(0.001)}`;
  if (share < 1 && share > 0.999) return `> ${formatPercent(0.999)}`;
  return formatNumber(share, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** Milliseconds → 0.07 ms, 8.4 ms, 111 ms, 1.2 s */
export function formatDuration(ms: number): string {
  if (ms >= 1000) return `${formatNumber(ms / 1000, { maximumSignificantDigits: 2 })} s`;
  return `${formatNumber(ms, { maximumSignificantDigits: ms < 100 ? 2 : 3 })} ms`;
}

export function formatCount(value: number): string {
  return formatNumber(value, {});
}

/** About three digits: 0.33, 12.5, 1,240 */
export function formatRate(value: number): string {
  return formatNumber(value, { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });
}

/** 4652008 → 4.7M */
export function formatCompact(value: number): string {
  return formatNumber(value, { notation: "compact", maximumFractionDigits: 1 });
}

export function formatFileSize(bytes: number): string {
  const unit = bytes < 1024 * 1024 ? "KB" : "MB";
  return `${formatNumber(bytes / (unit === "KB" ? 1024 : 1024 * 1024), { maximumFractionDigits: 1 })}\u00a0${unit}`;
}

/** "2 minutes ago". `now` in milliseconds; a later timestamp counts as now. */
export function formatRelativeTime(timestamp: string, now: number = Date.now()): string {
  const seconds = Math.min(0, (Date.parse(timestamp) - now) / 1000);
  const units = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]] as const;
  const [unit, size] = units.find(([, length]) => -seconds >= length) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(language.value, { numeric: "auto" }).format(Math.trunc(seconds / size), unit);
}

export function formatDateTime(timestamp: string): string {
  return new Intl.DateTimeFormat(language.value, { dateStyle: "medium", timeStyle: "short" }).format(
    Date.parse(timestamp),
  );
}

/** "Egyptian_cat" → "Egyptian cat" */
export function formatLabel(label: string): string {
  return label.replaceAll("_", " ");
}
