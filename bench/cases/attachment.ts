import type { ImapFlow } from "imapflow";

import type { Case } from "../frame/case.ts";
import { attachmentPath, largeMessage } from "../frame/large-message.ts";
import { forgetPeak, memoryOf } from "../frame/postern.ts";
import { alternate, median, medianOf, ratio } from "../frame/rounds.ts";
import { peakFigure } from "../frame/figure.ts";

const mega = 1e6;

/** A large attachment is downloaded and thrown away, decoded from base64 by either side. */
export const attachment: Case = {
  name: "attachment",
  async run(world) {
    const size = (world.scale.quick ? 300 : 1000) * mega;
    const mailbox = await world.holding([largeMessage(size)]);
    const path = await attachmentPath(world.api, mailbox.path);
    const client = await mailbox.openBare();
    await bareDownload(client, {}); // Dovecot parses the message now, and the file is in memory

    const { pid } = world.postern;
    const before = memoryOf(pid).now;
    forgetPeak(pid);
    const speed = (download: () => Promise<number>) => async (): Promise<number> => {
      const start = performance.now();
      const octets = await download();
      if (octets !== size) throw new Error(`${octets} of ${size} octets came`);
      return size / mega / ((performance.now() - start) / 1000);
    };
    const rounds = await alternate(world.scale.quick ? 3 : 4, {
      ours: speed(() => world.api.drain(path)),
      bare: speed(() => bareDownload(client, {})),
      bareLarge: speed(() => bareDownload(client, { chunkSize: 1024 * 1024 })),
    });
    const peak = memoryOf(pid).peak;
    const what = `attachment of ${size / mega} MB down`;
    const common = { unit: "MB/s", ours: median(rounds.ours) } as const;
    return [
      {
        what,
        ...common,
        bare: median(rounds.bare),
        bareIs: "download()",
        compared: { as: "ratio", value: medianOf(rounds.ours, rounds.bare, ratio) },
        goal: { atLeast: 0.9 },
      },
      {
        what,
        ...common,
        bare: median(rounds.bareLarge),
        bareIs: "download(), chunks of 1 MiB",
        compared: { as: "ratio", value: medianOf(rounds.ours, rounds.bareLarge, ratio) },
        goal: null,
      },
      peakFigure(what, { peak, before, beforeIs: "RSS before" }, { atMost: 64 }),
    ];
  },
};

async function bareDownload(client: ImapFlow, options: { chunkSize?: number }): Promise<number> {
  const { content } = await client.download("1", "2", { uid: true, ...options });
  if (content === undefined) throw new Error("there is nothing to download");
  let octets = 0;
  for await (const chunk of content) octets += (chunk as Buffer).length;
  return octets;
}
