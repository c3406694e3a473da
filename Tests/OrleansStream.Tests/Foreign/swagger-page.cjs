// Opens Swagger UI in a real browser and executes each operation with its example as it stands, from the top of the page to its end.
// Arguments: the browser, a new folder for its profile, the page. Prints one JSON text a line for each request that the page made.
const { chromium } = require('playwright-core');

const [executablePath, profile, page] = process.argv.slice(2);
const ANSWER_MS_MAX = 60_000;
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync',
];

// What the page offers as a body; a file to choose is none.
const bodyOf = async block => {
  const editor = block.locator('.body-param textarea');
  return (await editor.count()) === 0 ? null : editor.inputValue();
};

const execute = async (tab, block, contentType) => {
  const method = (await block.locator('.opblock-summary-method').innerText()).trim();
  const path = (await block.locator('.opblock-summary-path').innerText()).replace(/\u200b/g, '').trim();
  const body = await bodyOf(block);
  const answered = tab.waitForResponse(response => response.request().method() === method, { timeout: ANSWER_MS_MAX });
  await block.locator('.btn.execute').click();
  const response = await answered;
  // The page shows an answer when it has all of it.
  await block.locator('.live-responses-table .response-col_status').first().waitFor({ timeout: ANSWER_MS_MAX });
  console.log(JSON.stringify({
    method, path, contentType, body, url: response.url(), status: response.status(), answer: await response.text().catch(() => ''),
  }));
};

const executeAll = async tab => {
  const blocks = await tab.locator('.opblock').all();
  for (const block of blocks) {
    await block.locator('.opblock-summary-control').click();
    await block.locator('.btn.execute').waitFor();
    const choice = block.locator('.body-param-content-type select, .content-type-wrapper.body-param-content-type select');
    const types = (await choice.count()) === 0 ? [null] : await choice.first().locator('option').allInnerTexts();
    for (const type of types) {
      if (type !== null) await choice.first().selectOption(type);
      // Bytes have no example: the page asks for a file.
      if (type === null || (await bodyOf(block)) !== null) {
        await execute(tab, block, type);
        await block.locator('.btn-clear').click();
      }
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
    await executeAll(tab);
  } finally {
    await context.close();
  }
})().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
