import { defineConfig } from "vitest/config";

/** What needs no server, what runs on databases, what runs on all real servers, and what takes longer than a commit should. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.server.test.ts", "test/**/*.long.test.ts", "test/servers/**"],
          testTimeout: 10_000,
          // By default one core is left idle: of two, that is half of them.
          maxWorkers: "100%",
          sequence: { groupOrder: 0 },
        },
      },
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
          exclude: ["test/store/**"],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "long",
          include: ["test/**/*.long.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
