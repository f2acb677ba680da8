import { trustDomainOfFile } from '../../files/federated-files.ts';
import type { FileLayout, KeystoresSpec, TrustSpec } from '../../volume-spec.ts';
import type { AttributeReader } from '../attribute-reader.ts';
import type { AttributeDefaults } from '../compatibility.ts';
import { FileNames } from './file-names.ts';
import { readKeystores } from './keystores.ts';
import { type PresetFiles, presetFiles, presets, threeFiles } from './presets.ts';

const infoFile = 'certificate.json';
const generationFile = 'generation';

/** Every file of the volume by name, no name twice. */
export function readLayout(
  reader: AttributeReader,
  trustDomain: string,
  trust: TrustSpec,
  defaults: AttributeDefaults,
): { files: FileLayout; keystores: KeystoresSpec | undefined } {
  const preset = reader.choice('preset', presets);
  const bare = defaults.threeFiles && preset === undefined;
  const byDefault = bare ? threeFiles : presetFiles(preset ?? 'cert-manager', trustDomain);
  const names = new FileNames(
    reader,
    bare
      ? []
      : [
          [infoFile, 'what the driver says of the certificate'],
          [generationFile, "the generation's number"],
        ],
    (name) => {
      const domain = trust.federated.length === 0 ? undefined : trustDomainOfFile(name);
      const isOwn = domain === undefined || domain === trustDomain || domain === trust.trustDomain;
      return isOwn ? undefined : `federated-bundles, for the trust domain ${domain}`;
    },
  );
  const files = {
    ...readFiles(names, byDefault),
    emptyCa: defaults.emptyCa,
    info: bare ? undefined : infoFile,
    generation: bare ? undefined : generationFile,
  };
  return { files, keystores: readKeystores(reader, names, defaults) };
}

function readFiles(
  names: FileNames,
  byDefault: PresetFiles,
): Omit<FileLayout, 'emptyCa' | 'info' | 'generation'> {
  return {
    certificate: names.read('certificate-file', byDefault.certificate),
    privateKey: names.read('privatekey-file', byDefault.privateKey),
    ca: names.read('ca-file', byDefault.ca),
    spiffeBundle: names.read('spiffe-bundle-file', undefined),
    bundle: names.read('bundle-file', byDefault.bundle),
    combined: names.read('combined-pem-file', undefined),
    certificateDer: names.read('certificate-der-file', undefined),
    privateKeyDer: names.read('privatekey-der-file', undefined),
  };
}
