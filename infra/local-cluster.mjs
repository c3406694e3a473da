#!/usr/bin/env node
// Starts a whole cluster on this machine's loopback: Azurite, silos and Api nodes, each a process of its own.
//
//   node infra/local-cluster.mjs [--silos 3] [--apis 2] [--api-port 8080] [--data data/local-cluster] [--no-build]
//                                [--inner-port 20000] [--configuration Release] [--kafka-port 9092]
//
// Callers sign in, as in production: it prints a key that may do everything, which lasts as long as the cluster runs.
// Azurite and silos listen on the ports that they always have, or, with --inner-port, on those that follow one another from it.
// Ctrl-C stops what it started, and nothing else: Api nodes, then silos, then Azurite. What was stored stays in the data
// folder. A process that is killed in between stays away, so that the rest can be watched going on without it.
// With --kafka-port the Api nodes serve Kafka's protocol, too, on the ports that follow one another from it; either serves all partitions.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, mkdirSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const CONFIGURATIONS = ['Debug', 'Release'];
const FRAMEWORK = 'net10.0';
const NODES_MAX = 9;
const PORTS = { azurite: 10000, silo: 11111, gateway: 30000, siloHealth: 8090 };
const portsFrom = first => ({ azurite: first, silo: first + 1, gateway: first + 1 + NODES_MAX, siloHealth: first + 1 + 2 * NODES_MAX });
const POLL_MS = 200;
const READY_MS_MAX = 120_000;
// Above the 30 s that a host takes at most to stop.
const STOP_MS_MAX = 40_000;

// The account and key that every Azurite has, published by Microsoft: no secret.
const DEV_ACCOUNT = 'devstoreaccount1';
const DEV_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

class StartError extends Error {}

const readOptions = () => {
  const { values } = parseArgs({
    options: {
      silos: { type: 'string', default: '3' },
      apis: { type: 'string', default: '2' },
      'api-port': { type: 'string', default: '8080' },
      data: { type: 'string', default: join(root, 'data', 'local-cluster') },
      'no-build': { type: 'boolean', default: false },
      'inner-port': { type: 'string' },
      'kafka-port': { type: 'string' },
      configuration: { type: 'string', default: 'Release' },
    },
  });
  const number = (name, min, max) => {
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new StartError(`--${name} is '${values[name]}'; it must be a number from ${min} to ${max}.`);
    return value;
  };
  if (!CONFIGURATIONS.includes(values.configuration))
    throw new StartError(`--configuration is '${values.configuration}'; it must be ${CONFIGURATIONS.join(' or ')}.`);
  return {
    innerPorts: values['inner-port'] === undefined ? PORTS : portsFrom(number('inner-port', 1024, 65_000)),
    configuration: values.configuration,
    silos: number('silos', 1, NODES_MAX),
    apis: number('apis', 1, NODES_MAX),
    apiPort: number('api-port', 1024, 65_000),
    kafkaPort: values['kafka-port'] === undefined ? undefined : number('kafka-port', 1024, 65_000),
    data: resolve(values.data),
    build: !values['no-build'],
  };
};

const delay = ms => new Promise(done => setTimeout(done, ms));

const assertFree = port =>
  new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', () => fail(new StartError(`Port ${port} of 127.0.0.1 is taken; stop what listens there.`)));
    probe.listen(port, '127.0.0.1', () => probe.close(done));
  });

const accepts = port =>
  new Promise(done => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });

const isReady = async url => {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
};

const run = (command, args) => {
  const done = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (done.status !== 0) throw new StartError(`'${command} ${args.join(' ')}' failed.`);
};

const started = [];
let serving = false;
let stopping = false;

const start = (name, command, args, options, logFolder) => {
  const path = join(logFolder, `${name}.log`);
  // A group of its own: Ctrl-C in the terminal reaches this script alone, which then stops everything in order.
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: process.platform !== 'win32', ...options });
  const log = createWriteStream(path, { flags: 'a' });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const node = { name, child, path, ended: false };
  node.end = new Promise(done => {
    const ended = reason => {
      node.ended = true;
      node.reason = reason;
      if (serving && !stopping) console.log(`${name} (process ${child.pid}) ended: ${reason}. The rest goes on. Its log: ${path}`);
      done();
    };
    child.once('error', error => ended(error.message));
    child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
  });
  started.push(node);
  return node;
};

const untilReady = async (node, probe) => {
  const deadline = performance.now() + READY_MS_MAX;
  while (!(await probe())) {
    if (node.ended) throw new StartError(`${node.name} ended before it was ready: ${node.reason}. Its log: ${node.path}`);
    if (stopping) throw new StartError('Stopped while starting.');
    if (performance.now() > deadline) throw new StartError(`${node.name} was not ready after ${READY_MS_MAX / 1000} s. Its log: ${node.path}`);
    await delay(POLL_MS);
  }
};

const stop = async nodes => {
  for (const node of nodes) if (!node.ended) node.child.kill('SIGTERM');
  const all = Promise.all(nodes.map(node => node.end));
  await Promise.race([all, delay(STOP_MS_MAX).then(() => nodes.forEach(node => !node.ended && node.child.kill('SIGKILL')))]);
  await all;
};

const stopAll = async () => {
  if (stopping) return;
  stopping = true;
  for (const kind of ['api', 'silo', 'azurite']) await stop(started.filter(node => node.name.startsWith(kind)));
};

const main = async () => {
  const options = readOptions();
  const inner = options.innerPorts;
  const indexes = count => Array.from({ length: count }, (_, index) => index);
  const ports = [
    inner.azurite,
    ...indexes(options.silos).flatMap(i => [inner.silo + i, inner.gateway + i, inner.siloHealth + i]),
    ...indexes(options.apis).map(i => options.apiPort + i),
    ...(options.kafkaPort === undefined ? [] : indexes(options.apis).map(i => options.kafkaPort + i)),
  ];
  if (new Set(ports).size !== ports.length) throw new StartError(`--api-port ${options.apiPort} or --kafka-port meets other ports of the cluster; choose another one.`);
  for (const port of ports) await assertFree(port);

  run('node', [join(root, 'infra', 'restore-packages.mjs'), join(root, 'infra', 'azurite')]);
  if (options.build) run('dotnet', ['build', join('infra', 'service.slnf'), '--configuration', options.configuration, '-v', 'quiet', '--nologo']);

  const blobs = join(options.data, 'blobs');
  const logs = join(options.data, 'logs');
  mkdirSync(blobs, { recursive: true });
  mkdirSync(logs, { recursive: true });

  const azuriteMain = join(root, 'infra', 'azurite', 'node_modules', 'azurite', 'dist', 'src', 'blob', 'main.js');
  const azurite = start(
    'azurite',
    process.execPath,
    [azuriteMain, '--blobHost', '127.0.0.1', '--blobPort', String(inner.azurite), '--location', blobs, '--skipApiVersionCheck', '--disableTelemetry', '--silent'],
    { cwd: root },
    logs,
  );
  await untilReady(azurite, () => accepts(inner.azurite));

  // Of each Api node that serves Kafka's protocol, by its name.
  const kafka = Object.fromEntries(
    indexes(options.kafkaPort === undefined ? 0 : options.apis).map(i => [
      `api-${i + 1}`,
      { OrleansStream__Kafka__Enabled: 'true', OrleansStream__Kafka__Listen: `127.0.0.1:${options.kafkaPort + i}` },
    ]),
  );
  const settings = {
    OrleansStream__Storage__Provider: 'AzureBlobs',
    OrleansStream__Kafka__Enabled: 'false', // but for those in kafka
    OrleansStream__Storage__AzureBlobs__ConnectionString:
      `DefaultEndpointsProtocol=http;AccountName=${DEV_ACCOUNT};AccountKey=${DEV_KEY};` +
      `BlobEndpoint=http://127.0.0.1:${inner.azurite}/${DEV_ACCOUNT};`,
  };
  const key = `os_bootstrap_${randomBytes(32).toString('hex')}`;
  const startDotnet = (project, name, environment) =>
    start(
      name,
      'dotnet',
      [join(root, project, 'bin', options.configuration, FRAMEWORK, `OrleansStream.${project}.dll`)],
      { cwd: join(root, project), env: { ...process.env, ...settings, ...kafka[name], ...environment } },
      logs,
    );

  const silos = indexes(options.silos).map(i => ({
    health: `http://127.0.0.1:${inner.siloHealth + i}`,
    start() {
      this.silo = startDotnet('Silo', `silo-${i + 1}`, {
        URLS: this.health,
        OrleansStream__Silo__AdvertisedAddress: '127.0.0.1',
        OrleansStream__Silo__SiloPort: String(inner.silo + i),
        OrleansStream__Silo__GatewayPort: String(inner.gateway + i),
      });
      return untilReady(this.silo, () => isReady(`${this.health}/health/ready`));
    },
  }));
  const apis = indexes(options.apis).map(i => ({
    url: `http://127.0.0.1:${options.apiPort + i}`,
    start() {
      this.api = startDotnet('Api', `api-${i + 1}`, { URLS: this.url, OrleansStream__Silo__Embedded: 'false', OrleansStream__Security__BootstrapKey: key });
      return untilReady(this.api, () => isReady(`${this.url}/health/ready`));
    },
  }));
  // The first silo makes the container and the table of members; all others then start at the same time.
  await silos[0].start();
  await Promise.all([...silos.slice(1), ...apis].map(node => node.start()));

  serving = true;
  console.log('\nThe cluster is ready.\n');
  for (const { api, url } of apis) console.log(`  ${api.name}   ${url}   ${url}/swagger   process ${api.child.pid}`);
  for (const name of Object.keys(kafka)) console.log(`  ${name}   Kafka's clients: bootstrap.servers=${kafka[name].OrleansStream__Kafka__Listen}`);
  for (const { silo, health } of silos) console.log(`  ${silo.name}  ${health}/health/ready   process ${silo.child.pid}`);
  console.log(`\n  Callers sign in:  curl -H 'Authorization: Bearer ${key}' ${apis[0].url}/v1/topics`);
  console.log(`\n  Data and logs: ${options.data}\n  Ctrl-C stops all of it.\n`);
};

const finish = async exitCode => {
  await stopAll();
  process.exit(exitCode);
};
process.on('SIGINT', () => finish(0));
process.on('SIGTERM', () => finish(0));
try {
  await main();
} catch (error) {
  if (!stopping) console.error(`error: ${error instanceof StartError ? error.message : error.stack}`);
  await finish(stopping ? 0 : 1);
}
