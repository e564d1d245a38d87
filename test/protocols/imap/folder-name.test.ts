import { describe, expect, test } from "vitest";
import { decodeFolderName, encodeFolderName } from "../../../src/protocols/imap/folder-name.ts";

describe("modified UTF-7", () => {
  const names: [string, string][] = [
    ["Work", "Work"],
    ["R&D", "R&-D"],
    ["&", "&-"],
    ["été", "&AOk-t&AOk-"],
    ["Entwürfe", "Entw&APw-rfe"],
    ["~peter/台北/日本語", "~peter/&U,BTFw-/&ZeVnLIqe-"],
    ["Отправленные", "&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"],
    ["🎁 2026", "&2DzfgQ- 2026"],
    ["a&é&b", "a&-&AOk-&-b"],
    ['quote " and \\', 'quote " and \\'],
  ];
  test.each(names)("%s is %s on the wire, and comes back", (name, raw) => {
    expect(encodeFolderName(name)).toBe(raw);
    expect(decodeFolderName(raw)).toBe(name);
  });

  test("every character comes back, and the wire sees printable ASCII only", () => {
    for (let code = 0xa0; code < 0x11_0000; code += 97) {
      if (code >= 0xd800 && code < 0xe000) continue;
      const name = `a${String.fromCodePoint(code)}&z`;
      const raw = encodeFolderName(name);
      expect(raw).toMatch(/^[\u0020-\u007e]+$/);
      expect(decodeFolderName(raw)).toBe(name);
    }
  });
});
