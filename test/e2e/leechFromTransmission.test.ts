import { transmissionSeeder } from "../support/clients/transmission.ts";
import { describeLeeching } from "../support/clients/leeching.ts";
import { describeClients } from "../support/clients/presence.ts";

describeClients("leeching from transmission", ["transmission-daemon"], () => {
  describeLeeching("transmission", transmissionSeeder);
});
