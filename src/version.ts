import manifest from '../package.json' with { type: 'json' };

/** SemVer of this build. */
export const version: string = manifest.version;
