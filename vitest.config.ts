import { defineConfig } from "vitest/config";

/** Three projects: what needs no server, what runs on real servers, and what takes longer than a commit should. */
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
        },
      },
      {
        test: {
          name: "servers",
          include: ["test/**/*.server.test.ts", "test/servers/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "long",
          include: ["test/**/*.long.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
