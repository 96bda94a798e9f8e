// Reads {html, kind} as JSON, one a line; answers each with the list of its faults.
import { createInterface } from "node:readline";
import { HtmlValidate, StaticConfigLoader } from "html-validate";

// How markup is set out is a matter of taste, and a form may send several values under one name.
const page = {
  extends: ["html-validate:recommended"],
  rules: { "doctype-style": "off", "form-dup-name": "off", "no-trailing-whitespace": "off" },
};
// Mail programs read styles and tables of the last century only.
const letter = { extends: ["html-validate:standard"], rules: { "no-deprecated-attr": "off", "no-inline-style": "off" } };

const checkers = {
  page: new HtmlValidate(new StaticConfigLoader({ root: true, ...page })),
  letter: new HtmlValidate(new StaticConfigLoader({ root: true, ...letter })),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { html, kind } = JSON.parse(line);
  const report = await checkers[kind].validateString(html);
  const faults = report.results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message, line, selector }) => `${ruleId} in line ${line}: ${message} (${selector})`));
  process.stdout.write(`${JSON.stringify(faults)}\n`);
}
