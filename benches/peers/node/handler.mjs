// Target tracking for ECS services in one Lambda function on the AWS SDK for JavaScript v3: what trimtab's tick does,
// without its explanations. The services are read from the JSON file that POLICY names, memories are kept in the DynamoDB
// table that TABLE names. Clients are made once, at init; calls are made in full batches and side by side.

import { readFileSync } from "node:fs";
import { CloudWatchClient, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { BatchGetItemCommand, DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { DescribeServicesCommand, ECSClient, UpdateServiceCommand } from "@aws-sdk/client-ecs";

const QUERIES_PER_GET = 500;
const SERVICES_PER_DESCRIBE = 10;
const KEYS_PER_READ = 100;
const KEPT_FOR_S = 60 * 86_400;

const settings = { maxAttempts: 3, requestHandler: { connectionTimeout: 2000, requestTimeout: 5000 } };
const ecs = new ECSClient(settings);
const cloudwatch = new CloudWatchClient(settings);
const dynamodb = new DynamoDBClient(settings);

const { TABLE } = process.env;
const SERVICES = new Map(
  JSON.parse(readFileSync(process.env.POLICY, "utf8")).services.map((entry) => [`${entry.cluster}/${entry.service}`, entry]),
);

function batches(items, size) {
  const found = [];
  for (let at = 0; at < items.length; at += size) found.push(items.slice(at, at + size));
  return found;
}

// The newest point of each service's CPU utilization.
async function readMetrics(ids, now) {
  const MetricDataQueries = ids.map((id, at) => ({
    Id: `q${at}`,
    MetricStat: {
      Metric: {
        Namespace: "AWS/ECS",
        MetricName: "CPUUtilization",
        Dimensions: [
          { Name: "ClusterName", Value: SERVICES.get(id).cluster },
          { Name: "ServiceName", Value: SERVICES.get(id).service },
        ],
      },
      Period: 60,
      Stat: "Average",
    },
  }));
  const values = [];
  let NextToken;
  do {
    const answer = await cloudwatch.send(
      new GetMetricDataCommand({
        MetricDataQueries,
        StartTime: new Date(now.getTime() - 300_000),
        EndTime: now,
        ScanBy: "TimestampDescending",
        NextToken,
      }),
    );
    for (const { Id, Values } of answer.MetricDataResults) {
      if (Values.length > 0) values.push([ids[Number(Id.slice(1))], Values[0]]);
    }
    NextToken = answer.NextToken;
  } while (NextToken);
  return values.reverse(); // of a metric on several pages the first is the newest, and the last of a key counts
}

async function readStatuses(cluster, ids) {
  const services = ids.map((id) => SERVICES.get(id).service);
  const answer = await ecs.send(new DescribeServicesCommand({ cluster, services }));
  return answer.services.map((service) => [`${cluster}/${service.serviceName}`, service]);
}

// When each service was last scaled, under the version of its item.
async function readMemories(ids) {
  const memories = [];
  let RequestItems = { [TABLE]: { Keys: ids.map((id) => ({ service: { S: id } })), ConsistentRead: true } };
  while (RequestItems && Object.keys(RequestItems).length > 0) {
    const answer = await dynamodb.send(new BatchGetItemCommand({ RequestItems }));
    for (const item of answer.Responses?.[TABLE] ?? []) {
      if (item.version) {
        memories.push([item.service.S, { version: Number(item.version.N), memory: JSON.parse(item.memory.S) }]);
      }
    }
    RequestItems = answer.UnprocessedKeys;
  }
  return memories;
}

// The desired count, and why.
function decide(entry, service, value, memory, now) {
  const { desiredCount: desired, runningCount: running } = service;
  const bounded = (count) => Math.min(Math.max(count, entry.min), entry.max);
  if (value === undefined) return [bounded(desired), "no data"];
  const wanted = bounded(Math.ceil((running * value) / entry.target));
  const { scaled_out_at: out = 0, scaled_in_at: inward = 0 } = memory;
  if (wanted > desired && now - out >= entry.scale_out_cooldown) {
    return [wanted, `CPU ${value.toFixed(1)} % over ${entry.target} %`];
  }
  if (wanted < desired && now - Math.max(out, inward) >= entry.scale_in_cooldown) {
    return [wanted, `CPU ${value.toFixed(1)} % under ${entry.target} %`];
  }
  return [bounded(desired), "steady"];
}

// Remembers under a version check, then acts; of two invocations that race one acts.
async function carryOut({ id, from, to, version, memory, now }) {
  const entry = SERVICES.get(id);
  const remembered = { ...memory, [to > from ? "scaled_out_at" : "scaled_in_at"]: now };
  await dynamodb.send(
    new PutItemCommand({
      TableName: TABLE,
      Item: {
        service: { S: id },
        version: { N: String(version + 1) },
        memory: { S: JSON.stringify(remembered) },
        expires_at: { N: String(Math.floor(now) + KEPT_FOR_S) },
      },
      ExpressionAttributeNames: { "#version": "version" },
      ConditionExpression: version ? "#version = :expected" : "attribute_not_exists(#version)",
      ...(version && { ExpressionAttributeValues: { ":expected": { N: String(version) } } }),
    }),
  );
  await ecs.send(new UpdateServiceCommand({ cluster: entry.cluster, service: entry.service, desiredCount: to }));
}

export async function handler() {
  const began = Date.now();
  const ids = [...SERVICES.keys()];
  const errors = [];
  const together = async (reads) => {
    const outcomes = await Promise.allSettled(reads);
    errors.push(...outcomes.filter(({ status }) => status === "rejected").map(({ reason }) => reason.message));
    return new Map(outcomes.filter(({ status }) => status === "fulfilled").flatMap(({ value }) => value));
  };
  const clusters = new Map();
  for (const id of ids) {
    const { cluster } = SERVICES.get(id);
    if (!clusters.has(cluster)) clusters.set(cluster, []);
    clusters.get(cluster).push(id);
  }
  const [metrics, memories, statuses] = await Promise.all([
    together(batches(ids, QUERIES_PER_GET).map((batch) => readMetrics(batch, new Date(began)))),
    together(batches(ids, KEYS_PER_READ).map(readMemories)),
    together(
      [...clusters].flatMap(([cluster, of]) => batches(of, SERVICES_PER_DESCRIBE).map((batch) => readStatuses(cluster, batch))),
    ),
  ]);
  const decisions = [];
  const changes = [];
  for (const [id, entry] of SERVICES) {
    const service = statuses.get(id);
    if (!service) continue;
    const { version, memory } = memories.get(id) ?? { version: 0, memory: {} };
    const from = service.desiredCount;
    const [to, reason] = decide(entry, service, metrics.get(id), memory, began / 1000);
    decisions.push({ service: id, from, to, reason });
    if (to !== from) changes.push({ id, from, to, version, memory, now: began / 1000 });
  }
  const outcomes = await Promise.allSettled(changes.map(carryOut));
  errors.push(...outcomes.filter(({ status }) => status === "rejected").map(({ reason }) => reason.message));
  for (const decision of decisions) console.log(JSON.stringify({ level: "INFO", ...decision }));
  const Metrics = ["Services", "Changes", "Errors", "Duration"].map((Name) => ({ Name }));
  console.log(
    JSON.stringify({
      _aws: { Timestamp: began, CloudWatchMetrics: [{ Namespace: "Peer", Dimensions: [[]], Metrics }] },
      Services: decisions.length,
      Changes: changes.length,
      Errors: errors.length,
      Duration: Date.now() - began,
    }),
  );
  return { decisions, errors };
}
