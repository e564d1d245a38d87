import { charsets } from "./charsets.ts";
import type { CorpusMessage } from "./corpus.ts";
import { encodedWords } from "./encoded-words.ts";
import { headers } from "./headers.ts";
import { parameters } from "./parameters.ts";
import { structures } from "./structures.ts";
import { transfer } from "./transfer.ts";

/** Every awkward message, in the order in which they are delivered. */
export const corpus: CorpusMessage[] = [
  ...charsets,
  ...encodedWords,
  ...headers,
  ...parameters,
  ...structures,
  ...transfer,
];
