// A gateway in a program of another language. `pulumi package add ../../package` writes a typed SDK for this component; what it
// writes comes down to the class below.
"use strict";
const pulumi = require("@pulumi/pulumi");

class LlmGateway extends pulumi.ComponentResource {
  constructor(name, args, opts) {
    const outputs = { gatewayUrl: undefined, adminUrl: undefined, relayFunctionName: undefined, masterKeySecretArn: undefined };
    super("llm-gateway:index:LlmGateway", name, { ...outputs, ...args }, opts, true /* the component's package makes it */);
  }
}

const gateway = new LlmGateway("tools-llm", {
  models: [{ name: "claude-haiku-4-5", bedrock: "us.anthropic.claude-haiku-4-5-20251001-v1:0" }],
  database: "none", // one master key; users and keys are made with scripts/litellm-users.sh where there is a database
});

exports.gatewayUrl = gateway.gatewayUrl;
exports.masterKeySecretArn = gateway.masterKeySecretArn;
