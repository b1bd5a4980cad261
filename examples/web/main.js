// usage: [TOKEN=...] node main.js URL IMAGE
import { readFile } from "node:fs/promises";

import { byScore, connect, detailsOf } from "./client.js";
import { FormatSchema, OutcomeSchema } from "./gen/autoquality/v1/encoding_pb.js";

const [url, path] = process.argv.slice(2);
const client = connect(url, process.env.TOKEN);
try {
  const image = await readFile(path);
  const answer = await client.encode(byScore(image));
  const format = FormatSchema.value[answer.format].name;
  const outcome = OutcomeSchema.value[answer.outcome].name;
  console.log(`${format}: quality ${answer.quality}, ${answer.image.length} bytes, ${outcome}`);
  await client.encode({ ...byScore(image), background: "white" }); // #ffffff
} catch (error) {
  const { reason, fields } = detailsOf(error);
  console.log(`${error.message}\n  reason: ${reason}`);
  for (const { field, description } of fields) console.log(`  field ${field}: ${description}`);
}
