import type { ToolIo } from '../../../../src/runtime/tool.ts';

/** What a tool is given, and what it has said. */
export function toolIo(changes: Partial<ToolIo> = {}): {
  readonly io: ToolIo;
  readonly said: { out: string; err: string };
} {
  const said = { out: '', err: '' };
  const io: ToolIo = {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    now: () => 0,
    readFile: (path) => Promise.reject(new Error(`no such file: ${path}`)),
    readFolder: (path) => Promise.reject(new Error(`no such folder: ${path}`)),
    signal: new AbortController().signal,
    environment: {},
    columns: undefined,
    ...changes,
  };
  return { io, said };
}
