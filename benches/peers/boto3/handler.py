"""Target tracking for ECS services in one Lambda function on boto3: what trimtab's tick does, without its explanations.

The services are read from the JSON file that POLICY names, memories are kept in the DynamoDB table that TABLE names.
Clients and the pool of threads are made once, at init; calls are made in full batches and side by side.
"""

import json
import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

QUERIES_PER_GET = 500
SERVICES_PER_DESCRIBE = 10
KEYS_PER_READ = 100
THREADS = 16

CONFIG = Config(
    connect_timeout=2, read_timeout=5, max_pool_connections=THREADS, retries={"mode": "standard", "max_attempts": 3}
)
ecs = boto3.client("ecs", config=CONFIG)
cloudwatch = boto3.client("cloudwatch", config=CONFIG)
dynamodb = boto3.client("dynamodb", config=CONFIG)
pool = ThreadPoolExecutor(THREADS)

TABLE = os.environ["TABLE"]
with open(os.environ["POLICY"], encoding="utf-8") as file:
    SERVICES = {f"{entry['cluster']}/{entry['service']}": entry for entry in json.load(file)["services"]}


def batches(items, size):
    items = list(items)
    return [items[at : at + size] for at in range(0, len(items), size)]


def read_metrics(ids, now):
    """The newest point of each service's CPU utilization."""
    queries = [
        {
            "Id": f"q{at}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/ECS",
                    "MetricName": "CPUUtilization",
                    "Dimensions": [
                        {"Name": "ClusterName", "Value": SERVICES[id]["cluster"]},
                        {"Name": "ServiceName", "Value": SERVICES[id]["service"]},
                    ],
                },
                "Period": 60,
                "Stat": "Average",
            },
        }
        for at, id in enumerate(ids)
    ]
    values = {}
    request = {
        "MetricDataQueries": queries,
        "StartTime": now - timedelta(minutes=5),
        "EndTime": now,
        "ScanBy": "TimestampDescending",
    }
    while True:
        answer = cloudwatch.get_metric_data(**request)
        for result in answer["MetricDataResults"]:
            if result["Values"]:
                values.setdefault(ids[int(result["Id"][1:])], result["Values"][0])
        if not answer.get("NextToken"):
            return values
        request["NextToken"] = answer["NextToken"]


def read_statuses(cluster, ids):
    answer = ecs.describe_services(cluster=cluster, services=[SERVICES[id]["service"] for id in ids])
    return {f"{cluster}/{service['serviceName']}": service for service in answer["services"]}


def read_memories(ids):
    """When each service was last scaled, under the version of its item."""
    memories = {}
    request = {TABLE: {"Keys": [{"service": {"S": id}} for id in ids], "ConsistentRead": True}}
    while request:
        answer = dynamodb.batch_get_item(RequestItems=request)
        for item in answer["Responses"].get(TABLE, []):
            if "version" in item:
                memory = json.loads(item["memory"]["S"])
                memories[item["service"]["S"]] = (int(item["version"]["N"]), memory)
        request = answer.get("UnprocessedKeys")
    return memories


def decide(entry, service, value, memory, now):
    """The desired count, and why."""
    desired, running = service["desiredCount"], service["runningCount"]
    low, high = entry["min"], entry["max"]
    if value is None:
        return min(max(desired, low), high), "no data"
    wanted = min(max(math.ceil(running * value / entry["target"]), low), high)
    if wanted > desired and now - memory.get("scaled_out_at", 0) >= entry["scale_out_cooldown"]:
        return wanted, f"CPU {value:.1f} % over {entry['target']} %"
    since = now - max(memory.get("scaled_out_at", 0), memory.get("scaled_in_at", 0))
    if wanted < desired and since >= entry["scale_in_cooldown"]:
        return wanted, f"CPU {value:.1f} % under {entry['target']} %"
    return min(max(desired, low), high), "steady"


def carry_out(id, desired, before, version, memory, now):
    """Remembers under a version check, then acts; of two invocations that race one acts."""
    entry = SERVICES[id]
    memory = memory | {"scaled_out_at" if desired > before else "scaled_in_at": now}
    put = {
        "TableName": TABLE,
        "Item": {
            "service": {"S": id},
            "version": {"N": str(version + 1)},
            "memory": {"S": json.dumps(memory)},
            "expires_at": {"N": str(int(now) + 60 * 86_400)},
        },
        "ExpressionAttributeNames": {"#version": "version"},
        "ConditionExpression": "#version = :expected" if version else "attribute_not_exists(#version)",
    }
    if version:
        put["ExpressionAttributeValues"] = {":expected": {"N": str(version)}}
    dynamodb.put_item(**put)
    ecs.update_service(cluster=entry["cluster"], service=entry["service"], desiredCount=desired)


def handler(event, context):
    began = time.time()
    now = datetime.now(timezone.utc)
    metrics = [pool.submit(read_metrics, ids, now) for ids in batches(SERVICES, QUERIES_PER_GET)]
    memories = [pool.submit(read_memories, ids) for ids in batches(SERVICES, KEYS_PER_READ)]
    clusters = {}
    for id, entry in SERVICES.items():
        clusters.setdefault(entry["cluster"], []).append(id)
    statuses = [
        pool.submit(read_statuses, cluster, ids)
        for cluster, of_cluster in clusters.items()
        for ids in batches(of_cluster, SERVICES_PER_DESCRIBE)
    ]
    errors = []

    def together(futures):
        read = {}
        for future in futures:
            try:
                read |= future.result()
            except ClientError as error:
                errors.append(str(error))
        return read

    metrics, memories, statuses = together(metrics), together(memories), together(statuses)
    decisions, changes = [], []
    for id, entry in SERVICES.items():
        if id not in statuses:
            continue
        version, memory = memories.get(id, (0, {}))
        before = statuses[id]["desiredCount"]
        desired, reason = decide(entry, statuses[id], metrics.get(id), memory, began)
        decisions.append({"service": id, "from": before, "to": desired, "reason": reason})
        if desired != before:
            changes.append(pool.submit(carry_out, id, desired, before, version, memory, began))
    for change in changes:
        try:
            change.result()
        except ClientError as error:
            errors.append(str(error))
    for decision in decisions:
        print(json.dumps({"level": "INFO", **decision}))
    emf = {
        "_aws": {
            "Timestamp": int(began * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "Peer",
                    "Dimensions": [[]],
                    "Metrics": [{"Name": "Services"}, {"Name": "Changes"}, {"Name": "Errors"}, {"Name": "Duration"}],
                }
            ],
        },
        "Services": len(decisions),
        "Changes": len(changes),
        "Errors": len(errors),
        "Duration": round((time.time() - began) * 1000),
    }
    print(json.dumps(emf))
    return {"decisions": decisions, "errors": errors}
