import { defineConfig } from "vitest/config";

/** Measured: what passes between five programs says something only where they are not one in eight that the machine has to run. */
const measured = ["test/e2e/swarm.test.ts"];

// The built program against real clients: slow to start (transmission waits 13 s), so many at a time although there are few cores.
export default defineConfig({
  test: {
    globalSetup: ["test/support/clients/build.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: 6,
    maxConcurrency: 12,
    projects: [
      { extends: true, test: { name: "clients", include: ["test/e2e/**/*.test.ts"], exclude: measured } },
      { extends: true, test: { name: "swarm", include: measured, sequence: { groupOrder: 1 } } },
    ],
  },
});
