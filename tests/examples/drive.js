// Runs one operation on a program in JavaScript, as `pulumi VERB` does where Pulumi's own language host for Node is installed:
// `node drive.js FOLDER VERB`. Prints the outputs as JSON on its last line.
"use strict";
const { LocalWorkspace } = require("@pulumi/pulumi/automation");

const [folder, verb] = process.argv.slice(2);

async function main() {
  const program = async () => require(folder);
  const stack = await LocalWorkspace.createOrSelectStack(
    { stackName: "dev", projectName: "team-tools", program }, { workDir: folder });
  await stack.setConfig("aws:region", { value: process.env.AWS_REGION });
  await stack[verb]({ onOutput: (text) => process.stderr.write(text) });
  const outputs = verb === "up" ? await stack.outputs() : {};
  console.log(JSON.stringify(Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, output.value]))));
}

main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
