// Reads a topic as a member of a group with @platformatic/kafka, until its standard input ends. Arguments: bootstrap server, topic, group, and the
// protocol, classic or consumer. Prints {"assigned":[…]} whenever its partitions change, and {"value":"…"} for each record.
import { Consumer } from '@platformatic/kafka';

const [, , broker, topic, groupId, groupProtocol = 'classic'] = process.argv;
const print = line => process.stdout.write(JSON.stringify(line) + '\n');
const crash = error => {
  print({ crash: [error, error.cause, ...(error.errors ?? [])].filter(Boolean).map(one => one.message).join(' | ') });
  process.exit(1);
};

const consumer = new Consumer({
  clientId: 'platformatic-test', groupId, bootstrapBrokers: [broker], groupProtocol, timeout: 10_000,
  ...(groupProtocol === 'classic' ? { sessionTimeout: 20_000, heartbeatInterval: 300, rebalanceTimeout: 20_000 } : {}),
});
let told = '';
const tell = () => {
  const assigned = consumer.assignments?.find(one => one.topic === topic)?.partitions ?? [];
  if (told === (told = JSON.stringify({ assigned }))) return;
  process.stdout.write(told + '\n');
};

consumer.on('error', crash);
// The classic protocol tells of a new generation; in the other one each heartbeat may have brought partitions.
consumer.on('consumer:group:join', tell);
consumer.on('consumer:heartbeat:end', () => setImmediate(tell));
const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: 100, maxWaitTime: 200 });
stream.on('error', crash);
stream.on('data', message => print({ value: message.value.toString() }));
process.stdin.on('end', async () => {
  await stream.close();
  await consumer.close();
  process.exit(0);
});
process.stdin.resume();
