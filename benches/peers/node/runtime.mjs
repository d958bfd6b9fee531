// Lambda's Runtime API as aws-lambda-ric asks it, whose native client needs a C++ build of its own: one connection that
// is kept, `next` and the answer in turn. node runtime.mjs BUNDLE

import { createRequire } from "node:module";
import { Agent, request } from "node:http";
import { resolve } from "node:path";

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const [hostname, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");

function call(method, path, body) {
  return new Promise((done, failed) => {
    const headers = body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const options = { agent, hostname, port, method, path: `/2018-06-01/runtime/invocation/${path}`, headers };
    const asked = request(options, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => done({ headers: answer.headers, body: Buffer.concat(chunks) }));
    });
    asked.on("error", failed);
    asked.end(body);
  });
}

const { handler } = createRequire(import.meta.url)(resolve(process.argv[2]));
for (;;) {
  const { headers, body } = await call("GET", "next");
  const id = headers["lambda-runtime-aws-request-id"];
  const context = { awsRequestId: id, getRemainingTimeInMillis: () => headers["lambda-runtime-deadline-ms"] - Date.now() };
  try {
    const answer = await handler(JSON.parse(body), context);
    await call("POST", `${id}/response`, JSON.stringify(answer));
  } catch (error) {
    const diagnostic = { errorType: error.name, errorMessage: error.message, trace: [] };
    await call("POST", `${id}/error`, JSON.stringify(diagnostic));
  }
}
