// Opens Swagger UI in a real browser and executes each operation with its example as it stands, from the top of the page to its end.
// Arguments: the browser, a new folder for its profile, the page. Prints one JSON text a line for each request that the page made.
const { isDeepStrictEqual } = require('node:util');
const { chromium } = require('playwright-core');

const [executablePath, profile, page] = process.argv.slice(2);
const ANSWER_MS_MAX = 60_000;
const POLL_MS = 20;
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync',
];

const holds = (text, example) => {
  if (typeof example === 'string') return text === example;
  try {
    return isDeepStrictEqual(JSON.parse(text), example);
  } catch {
    return false;
  }
};

// The page renders an operation, and a body of another type, some time after the click: it is ready when it offers the document's example.
const bodyOf = async (block, example) => {
  const editor = block.locator('.body-param textarea');
  const deadline = Date.now() + ANSWER_MS_MAX;
  let text = null;
  while (Date.now() < deadline) {
    text = (await editor.count()) === 0 ? null : await editor.inputValue();
    if (text !== null && holds(text, example)) return text;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`The page offers ${JSON.stringify(text)}, and the document has ${JSON.stringify(example)}.`);
};

const isOf = (response, method, path) => {
  const pattern = path.split(/\{[^}]+\}/).map(part => part.replace(/[.*+?^$()|[\]\\]/g, '\\$&')).join('[^/]+');
  return response.request().method() === method && new RegExp(`^${pattern}$`).test(new URL(response.url()).pathname);
};

const execute = async (tab, block, { method, path, contentType, body }) => {
  const answered = tab.waitForResponse(response => isOf(response, method, path), { timeout: ANSWER_MS_MAX });
  await block.locator('.btn.execute').click();
  const response = await answered;
  // The page shows an answer when it has all of it.
  await block.locator('.live-responses-table .response-col_status').first().waitFor({ timeout: ANSWER_MS_MAX });
  console.log(JSON.stringify({
    method, path, contentType, body, url: response.url(), status: response.status(), answer: await response.text().catch(() => ''),
  }));
  await block.locator('.btn-clear').click();
  await block.locator('.live-responses-table').waitFor({ state: 'detached', timeout: ANSWER_MS_MAX });
};

const executeAll = async (tab, document) => {
  const blocks = await tab.locator('.opblock').all();
  for (const block of blocks) {
    await block.locator('.opblock-summary-control').click();
    await block.locator('.btn.execute').waitFor();
    const method = (await block.locator('.opblock-summary-method').innerText()).trim();
    const path = (await block.locator('.opblock-summary-path').innerText()).replace(/\u200b/g, '').trim();
    const bodies = document.paths[path][method.toLowerCase()].requestBody?.content;
    if (bodies === undefined) {
      await execute(tab, block, { method, path, contentType: null, body: null });
    }

    for (const [contentType, { example }] of Object.entries(bodies ?? {})) {
      // Bytes have no example: the page asks for a file.
      if (example === undefined) continue;
      await block.locator('.body-param-content-type select').selectOption(contentType);
      await execute(tab, block, { method, path, contentType, body: await bodyOf(block, example) });
    }

    await block.locator('.opblock-summary-control').click();
  }
};

(async () => {
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args, viewport: { width: 1280, height: 2000 } });
  try {
    const tab = context.pages()[0] ?? (await context.newPage());
    tab.on('pageerror', error => console.error(`the page: ${error}`));
    await tab.goto(page);
    await tab.locator('.opblock').first().waitFor();
    await executeAll(tab, await (await fetch(new URL('v1/swagger.json', page))).json());
  } finally {
    await context.close();
  }
})().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
