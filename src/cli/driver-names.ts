import {
  compatibilities,
  type Compatibility,
  defaultsOf,
} from '../driver/volume/attributes/compatibility.ts';

/** certmount's own name and those of the drivers whose place it takes. */
export const knownDriverNames: readonly string[] = compatibilities.map((each) => defaultsOf[each].driverName);

/** Of cert-manager's drivers: their requests do not say for which volume they are. */
export const otherDriverNames = knownDriverNames.filter((name) => name !== defaultsOf.none.driverName);

/** How a driver of this name reads attributes: who has the name of another one has its defaults too. */
export function compatibilityOf(driverName: string): Compatibility {
  return compatibilities.find((each) => defaultsOf[each].driverName === driverName) ?? 'none';
}
