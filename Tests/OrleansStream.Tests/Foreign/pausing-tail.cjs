// Follows a topic by a real browser's EventSource, in a page that stands still behind the first event until a line comes on standard input.
// Arguments: the browser, a new folder for its profile, a page of the service, the tail, the count of records.
// Prints `pausing`, and at the end the offsets that the page saw and how often its connection broke, as JSON.
const { createServer } = require('node:http');
const { once } = require('node:events');
const { chromium } = require('playwright-core');

const [executablePath, profile, page, tail, count] = process.argv.slice(2);
const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// A page stands still, events and all, as long as a request that it makes synchronously has no answer.
const pause = createServer(async (request, response) => {
  console.log('pausing');
  await once(process.stdin, 'data');
  response.writeHead(200, { 'Access-Control-Allow-Origin': '*' }).end();
});

(async () => {
  await once(pause.listen(0, '127.0.0.1'), 'listening');
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args });
  try {
    const tab = context.pages()[0] ?? (await context.newPage());
    await tab.goto(page);
    const seen = await tab.evaluate(({ tail, count, pause }) => new Promise(done => {
      const offsets = [];
      let breaks = 0;
      const source = new EventSource(tail);
      source.onerror = () => { breaks++; };
      source.onmessage = event => {
        offsets.push(JSON.parse(event.data).offset);
        if (offsets.length === 1) {
          const standing = new XMLHttpRequest();
          standing.open('GET', pause, false);
          standing.send();
        }

        if (offsets.length === count) {
          source.close();
          done({ offsets, breaks });
        }
      };
    }), { tail, count: Number(count), pause: `http://127.0.0.1:${pause.address().port}/` });
    console.log(JSON.stringify(seen));
  } finally {
    await context.close();
    pause.close();
    process.stdin.destroy();
  }
})().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
