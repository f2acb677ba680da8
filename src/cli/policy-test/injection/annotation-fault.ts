import {
  type Annotations,
  asksAnnotation,
  choices,
  examples,
  knownSettings,
  patterns,
  settingPrefix,
} from './settings.ts';

/** Why a pod or namespace with these annotations is refused (annotations-policy.yaml); undefined when it is not. */
export function annotationFault(said: Annotations): string | undefined {
  const keys = Object.keys(said).filter((key) => key.startsWith(asksAnnotation));
  const asks = said[asksAnnotation] ?? 'true';
  if (asks !== 'true' && asks !== 'false') return `${asksAnnotation}: "${asks}" must be "true" or "false"`;
  const unknown = keys.find((key) => key !== asksAnnotation && !knownSettings.includes(settingOf(key) ?? ''));
  if (unknown !== undefined)
    return `${unknown} is not known: there are ${asksAnnotation} and, after ${settingPrefix}, ${knownSettings.join(', ')}`;
  // A setting that is there but empty takes a default away.
  const settings = keys.flatMap((key) => {
    const value = said[key] ?? '';
    return key === asksAnnotation || value === '' ? [] : [{ name: settingOf(key) ?? '', value }];
  });
  for (const { name, value } of settings) {
    const allowed = choices[name];
    const compared = name.startsWith('key-') ? value.toLowerCase() : value;
    if (allowed !== undefined && !allowed.includes(compared))
      return `${settingPrefix}${name}: "${value}" must be one of ${allowed.join(', ')}`;
  }
  for (const { name, value } of settings) {
    const pattern = patterns[name];
    if (pattern !== undefined && !new RegExp(pattern).test(value))
      return `${settingPrefix}${name}: "${value}" must be ${examples[name]}`;
  }
  const names = settings.map(({ name }) => name);
  return names.includes('issuer-name') || !(names.includes('issuer-kind') || names.includes('issuer-group'))
    ? undefined
    : `${settingPrefix}issuer-kind and -issuer-group need ${settingPrefix}issuer-name beside them`;
}

function settingOf(key: string): string | undefined {
  return key.startsWith(settingPrefix) ? key.slice(settingPrefix.length) : undefined;
}
