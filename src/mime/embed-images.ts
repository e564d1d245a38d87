import { randomBytes } from "node:crypto";
import type { Part } from "../mail/part.ts";

/** Octets of one image, and of all, each counted as often as it is shown; and how many different ones. */
export const imageLimits = { one: 1024 * 1024, all: 5 * 1024 * 1024, different: 50 };

/** What browsers show as an image and run nothing of, by the types that senders give it. */
const imageTypes: Record<string, string> = {
  "image/png": "image/png",
  "image/x-png": "image/png",
  "image/jpeg": "image/jpeg",
  "image/jpg": "image/jpeg",
  "image/pjpeg": "image/jpeg",
  "image/gif": "image/gif",
  "image/webp": "image/webp",
  "image/avif": "image/avif",
};

/** Stands where an image is to be, until the page that it is on is known; it has the length of any other, so that pages end at the same places. */
const placeholder = (nonce: string, number: number) => `data:,${nonce}.${String(number).padStart(3, "0")}`;

/** The images of a message that its HTML refers to by Content-ID (RFC 2392). */
export type CidImages = {
  /** For `sanitizeHtml`, called for each reference in their order: what stands for the image; null where there is none to show. */
  resolveCid: (contentId: string) => string | null;
  /** The parts that a page with such marks shows, with the octets that they may have at most as they are encoded. */
  shownOn(page: string): { part: Part; length: number }[];
  /** The page with the images in it (RFC 2397); one that `contents` (decoded) does not have loads nothing. */
  embed(page: string, contents: Map<Part, Uint8Array>): string;
};

/**
 * Which images are shown is settled by the order of the references and by the sizes that the structure tells, so that it is the
 * same for each page; a message that shows one image a thousand times gets no further than its limit.
 */
export function cidImages(structure: Part): CidImages {
  const nonce = randomBytes(16).toString("hex");
  const marks = new RegExp(String.raw`( src=")?data:,${nonce}\.(\d{3})("?)`, "g");
  const byId = new Map<string, Part>();
  for (const part of images(structure)) {
    if (part.contentId !== null && !byId.has(part.contentId)) byId.set(part.contentId, part);
  }
  const shown: Part[] = [];
  const numbers = new Map<Part, number>();
  let left = imageLimits.all;

  const marked = (page: string): Part[] => [
    ...new Set([...page.matchAll(marks)].flatMap(([, , number]) => shown[Number(number)] ?? [])),
  ];

  return {
    resolveCid(contentId) {
      const part = byId.get(contentId);
      if (part === undefined) return null;
      const size = decodedSize(part);
      if (size > imageLimits.one || size > left) return null;
      let number = numbers.get(part);
      if (number === undefined) {
        if (shown.length >= imageLimits.different) return null;
        number = shown.push(part) - 1;
        numbers.set(part, number);
      }
      left -= size;
      return placeholder(nonce, number);
    },
    shownOn: (page) => marked(page).map((part) => ({ part, length: part.encodedSize })),
    embed(page, contents) {
      const urls = new Map(
        marked(page).map((part) => {
          const octets = contents.get(part);
          const type = imageTypes[part.contentType] ?? "";
          const isShown = octets !== undefined && octets.length > 0 && octets.length <= imageLimits.one;
          return [part, isShown ? `data:${type};base64,${Buffer.from(octets).toString("base64")}` : null];
        }),
      );
      return page.replace(marks, (_, src: string | undefined, number: string, quote: string) => {
        const part = shown[Number(number)];
        const url = (part && urls.get(part)) ?? null;
        if (url === null && src !== undefined) return "";
        return `${src ?? ""}${url ?? "data:,"}${quote}`;
      });
    },
  };
}

/** Inside the message itself, and none of a message that is attached to it. */
function images(part: Part): Part[] {
  if (part.contentType.startsWith("multipart/")) return part.children.flatMap(images);
  return Object.hasOwn(imageTypes, part.contentType) && part.encodedSize > 0 ? [part] : [];
}

/** At most, octets. */
function decodedSize({ encoding, encodedSize }: Part): number {
  return encoding === "base64" ? Math.ceil((encodedSize * 3) / 4) : encodedSize;
}
