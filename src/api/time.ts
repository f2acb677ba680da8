/** A point in time as the API's date-time fields hold it: UTC, whole seconds, as in "2026-01-01T00:00:00Z". */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
