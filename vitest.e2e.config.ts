import { defineConfig } from "vitest/config";

// The built program against real clients: slow to start (transmission waits 13 s), so many at a time although there are few cores.
export default defineConfig({
  test: {
    include: ["test/e2e/**/*.test.ts"],
    globalSetup: ["test/support/clients/build.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: 6,
    maxConcurrency: 12,
  },
});
