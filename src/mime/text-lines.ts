/** UTF-16 units that lines are indented by at most: deeper lists and quotes look like the last that fits. */
const maxIndent = 40;
const quoteMark = "> ";

/** Text as it is set into lines: white space as HTML has it, behind the marks of the lists and quotes that it stands in. */
export type TextLines = {
  /** Text in which runs of white space count as one space. */
  flow(text: string): void;
  /** Text whose white space and line ends stay. */
  keep(text: string): void;
  /** Begins a line, unless one has just begun, below `blank` empty ones. */
  block(blank: 0 | 1): void;
  /** A line break, also behind another. */
  lineBreak(): void;
  /** A tab behind what stands on the line; one for a row of cells with nothing in them. */
  cell(): void;
  /** Lines from here on stand behind `mark`, or where it is for the first of them alone, as many spaces; undone by `outdent`. */
  indent(mark: string, isFirstOnly: boolean): void;
  outdent(): void;
  /** UTF-16 units so far. */
  readonly length: number;
  /** No empty lines at the beginning or end, no more than one in a row, no spaces at the end of a line. */
  text(): string;
};

export function makeTextLines(): TextLines {
  const lines: string[] = [];
  const marks: { mark: string; isFirstOnly: boolean; isUsed: boolean }[] = [];
  let line = "";
  /** What is known of the line without looking at it: it may be long, and is put together from small pieces. */
  let hasInk = false;
  let isKept = false;
  let isSpaced = true;
  let hasSpace = false;
  let blanks = 0;
  let lastQuotes = 0;
  let length = 0;

  function prefix(): string {
    let all = "";
    for (const entry of marks) {
      const next = entry.isFirstOnly && entry.isUsed ? " ".repeat(entry.mark.length) : entry.mark;
      if (all.length + next.length > maxIndent) break;
      all += next;
      entry.isUsed = true;
    }
    return all;
  }

  function end(): void {
    const text = isKept ? line : line.trim();
    const isEmpty = !hasInk;
    line = "";
    hasInk = false;
    isKept = false;
    isSpaced = true;
    hasSpace = false;
    if (isEmpty) return;
    const quotes = Math.min(marks.filter(({ mark }) => mark === quoteMark).length, maxIndent / quoteMark.length);
    if (lines.length > 0 && blanks > 0) lines.push(quoteMark.repeat(Math.min(quotes, lastQuotes)).trimEnd());
    blanks = 0;
    lastQuotes = quotes;
    const whole = (prefix() + text).trimEnd();
    lines.push(whole);
    length += whole.length + 1;
  }

  function add(text: string): void {
    line += text;
    hasInk ||= /\S/.test(text);
    isSpaced = false;
  }

  return {
    flow(text) {
      for (const word of text.split(/([ \t\n\r\f]+)/)) {
        if (word === "") continue;
        if (/^[ \t\n\r\f]/.test(word)) hasSpace = true;
        else {
          add((hasSpace && !isSpaced ? " " : "") + word);
          hasSpace = false;
        }
      }
    },
    keep(text) {
      text
        .replace(/\r\n?/g, "\n")
        .split("\n")
        .forEach((next, index) => {
          if (index > 0) this.lineBreak();
          add(next);
          isKept = true;
        });
    },
    block(blank) {
      end();
      blanks = Math.max(blanks, blank);
    },
    lineBreak() {
      if (!hasInk) blanks = 1;
      end();
    },
    cell() {
      if (hasInk && !isSpaced) line += "\t";
      isSpaced = true;
      hasSpace = false;
    },
    indent(mark, isFirstOnly) {
      end();
      marks.push({ mark, isFirstOnly, isUsed: false });
    },
    outdent() {
      end();
      marks.pop();
    },
    get length() {
      return length + line.length;
    },
    text() {
      end();
      return lines.join("\n");
    },
  };
}
