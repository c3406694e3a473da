// Opens a page of another origin in a real browser, and has it send to the service all that a browser lets it. Arguments: the browser, a new folder for its
// profile, the page, the service, a topic. Prints what each try came to, a JSON text a line.
const { chromium } = require('playwright-core');

const [executablePath, profile, page, service, topic] = process.argv.slice(2);
// A name of the attacker's that has just come to mean this machine.
const REBOUND = 'rebound.example';
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`,
];

const tell = (name, outcome) => console.log(JSON.stringify({ name, outcome }));

const tries = {
  'text/plain without asking': async (service, topic) => (await fetch(`${service}/v1/topics/${topic}/records`, {
    method: 'POST', mode: 'no-cors', headers: { 'Content-Type': 'text/plain' }, body: 'from a foreign page',
  })).type,
  'a beacon': async (service, topic) => navigator.sendBeacon(`${service}/v1/topics/${topic}/records`, 'from a foreign page'),
  'JSON, by asking': async (service, topic) => (await fetch(`${service}/v1/topics/${topic}/records`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"records":[{"value":1}]}',
  })).status,
  'a read': async (service, topic) => (await fetch(`${service}/v1/topics/${topic}/partitions/0/records`)).text(),
  'an EventSource': (service, topic) => new Promise(done => {
    const events = new EventSource(`${service}/v1/topics/${topic}/records?from=earliest`);
    events.onopen = () => done('open');
    events.onerror = () => done('refused');
  }),
};

(async () => {
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args });
  try {
    const tab = context.pages()[0] ?? (await context.newPage());
    for (const [name, attempt] of Object.entries(tries)) {
      await tab.goto(page);
      tell(name, await tab.evaluate(`(${attempt})(${JSON.stringify(service)}, ${JSON.stringify(topic)}).catch?.(error => String(error)) ?? 'sent'`));
    }

    // A form takes its reader along.
    await tab.goto(page);
    await tab.setContent(`<form method="post" enctype="text/plain" action="${service}/v1/topics/${topic}/records"><input name="a" value="b"></form>`);
    await Promise.all([tab.waitForNavigation(), tab.evaluate('document.forms[0].submit()')]);
    tell('a form', (await tab.content()).includes('ORIGIN_NOT_ALLOWED') ? 'refused' : await tab.content());

    const rebound = await tab.goto(`http://${REBOUND}:${new URL(service).port}/v1/topics`);
    tell('a rebound name', rebound.status());
  } finally {
    await context.close();
  }
})().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
