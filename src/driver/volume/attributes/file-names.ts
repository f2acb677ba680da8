import { bundleFile, type FileNames } from '../volume-spec.ts';
import type { AttributeReader } from './attribute-reader.ts';
import type { AttributeName } from './known-attributes.ts';

const defaults = {
  'certificate-file': 'tls.crt',
  'privatekey-file': 'tls.key',
  'ca-file': 'ca.crt',
} as const satisfies Partial<Record<AttributeName, string>>;

type FileAttribute = keyof typeof defaults;

/** NAME_MAX of Linux. */
const longestName = 255;

/** File names stay in the volume's top folder and apart from each other. */
export function readFileNames(reader: AttributeReader): FileNames {
  const taken = new Map<string, string>([[bundleFile, 'the credential bundle']]);
  const read = (attribute: FileAttribute): string => {
    const name = reader.expanded(attribute) ?? defaults[attribute];
    const fault = faultOf(name);
    if (fault !== undefined) throw reader.refuse(attribute, fault);
    const other = taken.get(name);
    if (other !== undefined) {
      throw reader.refuse(attribute, `the file name ${JSON.stringify(name)} is already taken by ${other}`);
    }
    taken.set(name, attribute);
    return name;
  };
  return {
    certificate: read('certificate-file'),
    privateKey: read('privatekey-file'),
    ca: read('ca-file'),
  };
}

function faultOf(name: string): string | undefined {
  if (name.includes('/')) return 'must be a file name without "/"';
  // Names that start with ".." belong to the volume's own generations and links.
  if (name === '.' || name.startsWith('..')) return 'must not be "." nor start with ".."';
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'must not contain control characters';
  if (Buffer.byteLength(name) > longestName) return `must be at most ${longestName} bytes long`;
  return undefined;
}
