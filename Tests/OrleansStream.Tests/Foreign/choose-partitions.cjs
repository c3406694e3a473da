// argv: the count of partitions. stdin: one key a line, as base64. stdout: per key the partition that kafkajs's default
// (Java-compatible) partitioner chooses.
const readline = require('node:readline');
const { Partitioners } = require('kafkajs');

(async () => {
  const partitionMetadata = Array.from({ length: Number(process.argv[2]) }, (_, partitionId) => ({ partitionId, leader: 0 }));
  const choose = Partitioners.DefaultPartitioner();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(choose({ topic: 't', partitionMetadata, message: { key: Buffer.from(line, 'base64') } }));
  }
})();
