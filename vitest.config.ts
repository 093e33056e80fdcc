import { defineConfig } from "vitest/config";

/** Tests that count what their whole process has open. */
const counting = ["test/services/Transport/tcp.test.ts"];

// Files share processes, which halves the work: nothing in `src` keeps state outside of Layers and closures, so there is nothing that one could leave to another.
export default defineConfig({
  test: {
    testTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", "node_modules/**", ...counting],
          isolate: false,
        },
      },
      { extends: true, test: { name: "counting", include: counting } },
    ],
  },
});
