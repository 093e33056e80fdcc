import { aria2Seeder } from "../support/clients/aria2.ts";
import { describeLeeching } from "../support/clients/leeching.ts";
import { describeClients } from "../support/clients/presence.ts";

describeClients("leeching from aria2", ["aria2c"], () => {
  describeLeeching("aria2", aria2Seeder);
});
