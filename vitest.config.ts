import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Of what runs side by side these take longest. They begin first, so that none of them is left over at the end. */
const longest = [
  "test/worker/objects.server.test.ts",
  "test/worker/worker.server.test.ts",
  "test/api/acceptance/worker.server.test.ts",
  "test/api/kill-sending.server.test.ts",
  "test/api/fleet.server.test.ts",
  "test/api/replicas-restarted.server.test.ts",
  "test/api/watching-claims.server.test.ts",
  "test/api/watching.server.test.ts",
  "test/api/kill-watching.server.test.ts",
  "test/protocols/imap/mailbox.server.test.ts",
];

/** Without a record of earlier runs, as on a clean checkout, vitest goes by the sizes of files. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/** It runs other files' tests once more, over other sockets: whoever shares modules with it would run over these, too. */
const apart = ["test/protocols/smtp/by-sockets.test.ts"];

/** They compare durations or measure memory within bounds that another file's work on the same cores could break. */
const alone = [
  "test/api/downloads.server.test.ts",
  "test/api/one-session.server.test.ts",
  "test/api/webhooks-load.server.test.ts",
  "test/protocols/imap/hostile-memory.server.test.ts",
  "test/protocols/pop3/maildrop.server.test.ts",
  "test/protocols/pop3/session.server.test.ts",
  "test/servers/proxy.test.ts",
];

/** What needs no server, what runs on databases, what runs on all real servers, in company or alone, and what takes longer than a commit should. */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.server.test.ts", "test/**/*.long.test.ts", "test/servers/**", ...apart],
          testTimeout: 10_000,
          // Nothing of ours keeps state in a module that a test could leave behind, and loading all of it for each file takes a third of the time.
          isolate: false,
          // By default one core is left idle: of two, that is half of them.
          maxWorkers: "100%",
          sequence: { groupOrder: 0 },
        },
      },
      { test: { name: "apart", include: apart, testTimeout: 10_000, sequence: { groupOrder: 0 } } },
      {
        test: {
          name: "stores",
          include: ["test/store/**/*.server.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "servers",
          include: ["test/**/*.server.test.ts", "test/servers/**/*.test.ts"],
          exclude: ["test/store/**", ...alone],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          // They wait for a good part of their time: three of them keep two cores busy.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "alone",
          include: alone,
          testTimeout: 60_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "long",
          include: ["test/**/*.long.test.ts"],
          testTimeout: 1_800_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
