// Reads a topic as a member of a group with kafkajs, until its standard input ends. Arguments: bootstrap server, topic, group.
// Prints {"assigned":[…]} for each generation and {"value":"…"} for each record; "reset" as fourth argument resets the group's offsets first.
const { Kafka, logLevel } = require('kafkajs');

const [, , broker, topic, groupId, action] = process.argv;
const print = line => process.stdout.write(JSON.stringify(line) + '\n');
const kafka = new Kafka({ clientId: 'kafkajs-test', brokers: [broker], logLevel: logLevel.NOTHING });

async function main() {
  if (action === 'reset') {
    const admin = kafka.admin();
    await admin.connect();
    await admin.resetOffsets({ groupId, topic, earliest: true });
    print({ offsets: await admin.fetchOffsets({ groupId, topics: [topic] }) });
    await admin.disconnect();
  }

  const consumer = kafka.consumer({ groupId, sessionTimeout: 20000, heartbeatInterval: 300, rebalanceTimeout: 10000, maxWaitTimeInMs: 200 });
  consumer.on(consumer.events.GROUP_JOIN, event => print({ assigned: event.payload.memberAssignment[topic] ?? [] }));
  consumer.on(consumer.events.CRASH, event => print({ crash: String(event.payload.error) }));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ autoCommitInterval: 100, eachMessage: async ({ message }) => print({ value: message.value.toString() }) });
  process.stdin.on('end', async () => {
    await consumer.disconnect();
    process.exit(0);
  });
  process.stdin.resume();
}

main().catch(error => {
  print({ crash: String(error) });
  process.exit(1);
});
