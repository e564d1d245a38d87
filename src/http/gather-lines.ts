/**
 * Writes lines together that come in one turn of the event loop: a write of one line takes as long as making it, and of many no
 * longer. `flush` writes at once what has come so far; the entry calls it when the process exits.
 */
export function gatherLines(write: (lines: string) => void): {
  write: (line: string) => void;
  flush: () => void;
} {
  let gathered = "";

  function flush(): void {
    const lines = gathered;
    gathered = "";
    if (lines !== "") write(lines);
  }

  return {
    write(line) {
      if (gathered === "") setImmediate(flush);
      gathered += line;
    },
    flush,
  };
}
