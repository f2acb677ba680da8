/** Something that a request asks for and a policy does not allow. */
export interface Violation {
  /** What of the request: `dnsNames`, `subject.organizations`, `duration`. */
  readonly field: string;
  /** Undefined when something is missing. */
  readonly value: string | undefined;
  /** What is allowed instead. */
  readonly allowed: string;
  /** Where the policy says so, and would have to say something else: `spec.allowed.dnsNames.values`. */
  readonly rule: string;
}

const longestShown = 120;

/** One line: `dnsNames "db.other.svc": must be … (spec.allowed.dnsNames.validations[0])`. */
export function violationText({ allowed, field, rule, value }: Violation): string {
  return `${field}${value === undefined ? '' : ` ${quote(value)}`}: ${allowed} (${rule})`;
}

/** In ASCII, so that no name looks like another or turns the line around. */
export function quote(text: string): string {
  const shown = text.length <= longestShown ? text : `${text.slice(0, longestShown)}…`;
  const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(shown).replace(/[^\x20-\x7e…]/g, escape);
}
