#!/usr/bin/env node
/**
 * The file that starts everything (`dist/main.js`): says in one line when Node is too old, turns the compile cache on (10 ms of
 * start-up), loads the program. Plain JavaScript in old syntax on purpose: any Node has to be able to parse it.
 */
import module from "node:module";
import os from "node:os";
import path from "node:path";
import v8 from "node:v8";

// Effect 4.1 says so (`engines` in package.json).
const needed = [22, 19];
const found = process.versions.node.split(".").map(Number);

if (found[0] < needed[0] || (found[0] === needed[0] && found[1] < needed[1])) {
  console.error("bt-effect needs Node " + needed.join(".") + " or newer; this is Node " + process.versions.node + ".");
  process.exitCode = 1;
} else {
  // What a download throws away is small and even: without these the heap grows to several times what it needs before anything is
  // collected (8 GiB: 50 MiB against 135, and less CPU time; bench/NOTES.md).
  v8.setFlagsFromString("--semi-space-growth-factor=1");
  v8.setFlagsFromString("--heap-growing-percent=50");
  // The user's own folder: the default one is shared by all users of the machine, and what lies in it is executed.
  module.enableCompileCache(
    path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "bt-effect", "compile"),
  );
  void import("./run.js");
}
