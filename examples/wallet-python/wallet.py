"""A wallet for the mission engine: books every grant once, however often it is delivered. See docs/events.md.

    pip install pika
    AMQP_URL=amqp://guest:guest@127.0.0.1:5672/%2f python wallet.py
"""

import json
import os
import sqlite3
from decimal import Decimal

import pika

QUEUE = os.environ.get("WALLET_QUEUE", "mission.wallet")
SIGN = {"RewardClaimedEvent": 1, "RewardRevokedEvent": -1}

ledger = sqlite3.connect(os.environ.get("WALLET_DATABASE", "wallet.sqlite"))
# Points have up to six digits after the point; they are kept in millionths. The key makes a redelivery do nothing.
ledger.execute(
    "CREATE TABLE IF NOT EXISTS entries (reward TEXT, type TEXT, user TEXT, micros INTEGER, currency TEXT, at TEXT,"
    " PRIMARY KEY (reward, type))"
)


def entry(body):
    """The row that a message asks for; none where it moves no points."""
    event = json.loads(body, parse_float=Decimal)
    if event["type"] not in SIGN:
        return None
    data = event["data"]
    micros = SIGN[event["type"]] * int(Decimal(data["totalPoints"]) * 1_000_000)
    return data["rewardId"], event["type"], data["userId"], micros, data["currency"], event["time"]


def on_message(channel, method, _properties, body):
    try:
        row = entry(body)
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        print(f"dead letter: {error!r}", flush=True)
        channel.basic_reject(method.delivery_tag, requeue=False)
        return
    if row:
        with ledger:
            ledger.execute("INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?, ?)", row)
    channel.basic_ack(method.delivery_tag)


connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
channel.basic_qos(prefetch_count=100)
channel.basic_consume(QUEUE, on_message)
print(f"booking what comes out of {QUEUE}", flush=True)
try:
    channel.start_consuming()
except KeyboardInterrupt:
    connection.close()
