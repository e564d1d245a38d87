/** What the goal is about: ours over bare, ours less bare, or ours alone. */
type Compared = { as: "ratio" | "difference" | "value"; value: number };

/** One line of the table. */
export type Figure = {
  what: string;
  unit: "ms" | "s" | "/s" | "MB/s" | "MB" | "KiB" | "%" | "statements" | "commits" | "hints";
  ours: number;
  /** The raw thing in the same run; null where there is none. */
  bare: number | null;
  /** What "bare" did. */
  bareIs: string;
  compared: Compared;
  /** What DESIGN §10 asks of `compared`; null where it asks nothing. */
  goal: { atMost: number } | { atLeast: number } | null;
};

/** The peak of Postern's RSS over what it was before, MB. */
export function peakFigure(
  what: string,
  { peak, before, beforeIs }: { peak: number; before: number; beforeIs: string },
  goal: Figure["goal"],
): Figure {
  const compared = { as: "difference", value: peak - before } as const;
  return {
    what: `${what}: peak RSS over before`,
    unit: "MB",
    ours: peak,
    bare: before,
    bareIs: beforeIs,
    compared,
    goal,
  };
}

/** A figure that nothing is measured beside; `over`, what it is counted from. */
export function plainFigure(
  what: string,
  unit: Figure["unit"],
  value: number,
  goal: Figure["goal"],
  over = "",
): Figure {
  return { what, unit, ours: value, bare: null, bareIs: over, compared: { as: "value", value }, goal };
}

/** Whether the goal is met; null where there is none. */
export function isMet({ compared, goal }: Figure): boolean | null {
  if (goal === null) return null;
  return "atMost" in goal ? compared.value <= goal.atMost : compared.value >= goal.atLeast;
}

/** The cells of a figure, in the order of `heads`. */
function cells(figure: Figure): string[] {
  const { what, unit, ours, bare, bareIs, compared, goal } = figure;
  const told = (value: number): string => inWords(value, compared.as, unit);
  const asked = goal === null ? "" : "atMost" in goal ? `≤ ${told(goal.atMost)}` : `≥ ${told(goal.atLeast)}`;
  const met = isMet(figure);
  return [
    what,
    `${short(ours)} ${unit}`,
    bare === null ? "" : `${short(bare)} ${unit}`,
    bareIs,
    told(compared.value),
    asked,
    met === null ? "" : met ? "yes" : "no",
  ];
}

const heads = ["work", "Postern", "bare", "bare is", "compared", "goal", "met"];

function inWords(value: number, as: Compared["as"], unit: string): string {
  if (as === "ratio") return `${value.toFixed(2)} ×`;
  return `${as === "difference" && value >= 0 ? "+" : ""}${short(value)} ${unit}`;
}

/** Three digits are more than these figures are good for. */
function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** The figures as a table for a terminal. */
export function terminalTable(figures: Figure[]): string {
  const rows = [heads, ...figures.map(cells)];
  const widths = heads.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The figures as a table for a Markdown file. */
export function markdownTable(figures: Figure[]): string {
  const line = (row: string[]): string => `| ${row.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...figures.map((figure) => line(cells(figure)))].join("\n");
}
