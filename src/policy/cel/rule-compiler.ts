import {
  type CelEnv,
  celEnv,
  celFunc,
  type CelInput,
  CelScalar,
  isCelError,
  parse,
  plan,
} from '@bufbuild/cel';
import { type Variables, unknownName } from './check-names.ts';
import { constantPatterns } from './constant-patterns.ts';
import { unifyCalls } from './call-forms.ts';
import { numberFunctions } from './number-functions.ts';
import { serviceAccountFunctions } from './service-account-functions.ts';
import { limitLoops, turnFunction } from './limit-loops.ts';
import { stringFunctions } from './string-functions.ts';

export type Bindings = Readonly<Record<string, CelInput>>;

export type RuleOutcome =
  | { readonly outcome: 'holds' }
  | { readonly outcome: 'fails' }
  /** The rule says neither yes nor no, which is never a yes. */
  | { readonly outcome: 'error'; readonly message: string };

export interface Rule {
  test(bindings: Bindings): RuleOutcome;
}

export type CompiledRule =
  | { readonly outcome: 'compiled'; readonly rule: Rule }
  | { readonly outcome: 'invalid'; readonly message: string };

/** What a rule may mean: its variables, and values for a trial whose types are those of every request. */
export interface RuleScope {
  readonly variables: Variables;
  readonly trials: readonly Bindings[];
}

const longestRule = 8192;
/** Enough for 100 names that are each looked for among 500, and over in well under a second. */
const mostTurns = 50_000;
/** Of the CEL library, when a function is called with values of types that it is not for. */
const wrongTypes = /^(found no matching overload|unbound function|type mismatch)/;

/** Compiles the rules of one policy, and limits what they do together between two calls of `restart`. */
export class RuleCompiler {
  readonly #environment: CelEnv;
  #turns = 0;

  constructor() {
    const turn = celFunc(turnFunction, [], CelScalar.BOOL, () => ++this.#turns <= mostTurns);
    this.#environment = celEnv({
      funcs: [...stringFunctions, ...numberFunctions, ...serviceAccountFunctions, turn],
    });
  }

  /** Gives the rules their turns anew: for the next request. */
  restart(): void {
    this.#turns = 0;
  }

  compile(source: string, scope: RuleScope): CompiledRule {
    if (source.length > longestRule) return invalid(`must be at most ${longestRule} characters long`);
    let rule: Rule;
    try {
      const { expr } = parse(source);
      if (expr === undefined) return invalid('is empty');
      const unknown = unknownName(expr, scope.variables, this.#environment.funcs);
      if (unknown !== undefined) return invalid(unknown);
      unifyCalls(expr);
      for (const pattern of constantPatterns(expr)) {
        const problem = this.#problemOf(pattern);
        if (problem !== undefined) return invalid(problem);
      }
      limitLoops(expr);
      const run = plan(this.#environment, expr);
      rule = { test: (bindings) => this.#test(run, bindings) };
    } catch (error) {
      return invalid((error as Error).message);
    }
    for (const bindings of scope.trials) {
      this.restart();
      const tried = rule.test(bindings);
      if (tried.outcome === 'error' && wrongTypes.test(tried.message)) return invalid(tried.message);
    }
    return { outcome: 'compiled', rule };
  }

  /** The library compiles patterns when they are used, where no rule that holds without them would show a mistake. */
  #problemOf(pattern: string): string | undefined {
    const result = plan(this.#environment, parse("''.matches(pattern)").expr)({ pattern });
    if (!isCelError(result)) return undefined;
    return `the pattern ${JSON.stringify(pattern)} is no regular expression of RE2: ${result.message}`;
  }

  #test(run: (bindings: Record<string, CelInput>) => unknown, bindings: Bindings): RuleOutcome {
    const result = run(bindings);
    if (this.#turns > mostTurns)
      return { outcome: 'error', message: `takes more than ${mostTurns} turns of its loops` };
    if (isCelError(result)) return { outcome: 'error', message: result.message };
    if (typeof result !== 'boolean')
      return { outcome: 'error', message: 'type mismatch: gives something else than true or false' };
    return { outcome: result ? 'holds' : 'fails' };
  }
}

function invalid(message: string): CompiledRule {
  return { outcome: 'invalid', message };
}
