import type { Tool } from '../runtime/tool.ts';

/** A command that answers and ends; loaded when it is asked for. */
interface ToolEntry {
  readonly summary: string;
  load(): Promise<Tool>;
}

/** By the words that it is called with. */
export const tools: Readonly<Record<string, ToolEntry>> = {
  identities: {
    summary: 'Lists the identities of a cluster.',
    load: async () => (await import('./identities/identities-tool.ts')).identitiesTool,
  },
  identity: {
    summary: "Shows a pod's identity: how it came about, what it is, and what is wrong.",
    load: async () => (await import('./identity/identity-tool.ts')).identityTool,
  },
  verify: {
    summary: 'Tells whether a process serves the certificate that is mounted.',
    load: async () => (await import('./verify/verify-tool.ts')).verifyTool,
  },
  'policy test': {
    summary: 'Tells, without a cluster, whether pods would get what they ask for.',
    load: async () => (await import('./policy-test/policy-test-tool.ts')).policyTestTool,
  },
  volumes: {
    summary: "Prints what a node's volumes hold; for the inside of the driver's container.",
    load: async () => (await import('../driver/inspect/volumes-tool.ts')).volumesTool,
  },
};

/** The tool whose words the command line begins with, and what follows them; the longest first: "policy test" is one. */
export function findTool(
  argv: readonly string[],
): (ToolEntry & { readonly words: string; readonly argv: readonly string[] }) | undefined {
  const words = [argv.slice(0, 2).join(' '), argv[0] ?? ''].find((name) => Object.hasOwn(tools, name));
  const entry = words === undefined ? undefined : tools[words];
  return words === undefined || entry === undefined
    ? undefined
    : { ...entry, words, argv: argv.slice(words.split(' ').length) };
}
