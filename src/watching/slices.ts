/** New messages told in one look, and events and held messages written in one atomic, at most. */
export const sliceSize = 100;

export function slices<T>(items: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size));
}
