// The partition that kafkajs, by Kafka's own default (murmur2), chooses for each key.
// usage: node choose-partitions.cjs <partition count>; stdin: one key a line, as hex. stdout: one partition a line.
const readline = require('node:readline');
const { Partitioners } = require('kafkajs');

(async () => {
  const partitionMetadata = Array.from({ length: Number(process.argv[2]) }, (_, partitionId) => ({ partitionId, leader: 0 }));
  const choose = Partitioners.DefaultPartitioner();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(choose({ topic: 'any', partitionMetadata, message: { key: Buffer.from(line, 'hex') } }));
  }
})();
