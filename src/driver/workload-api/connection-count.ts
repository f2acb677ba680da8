export interface ConnectionCountOptions {
  /** Of one volume. */
  readonly connections: number;
  /** Of all volumes. */
  readonly connectionsInAll: number;
}

/** So many of a volume are let in however many the others have. */
const always = 2;

/** Connections of all volumes: what they cost together stays within the driver's memory. */
export class ConnectionCount {
  readonly #options: ConnectionCountOptions;
  #open = 0;

  constructor(options: ConnectionCountOptions) {
    this.#options = options;
  }

  /**
   * @param ofVolume how many the volume has already
   * @returns whether one more is let in; it is to {@link leave}
   */
  enter(ofVolume: number): boolean {
    const { connections, connectionsInAll } = this.#options;
    if (ofVolume >= connections || (ofVolume >= always && this.#open >= connectionsInAll)) return false;
    this.#open += 1;
    return true;
  }

  leave(): void {
    this.#open -= 1;
  }
}
