/** Samples of one contestant, summed up. */
export interface Summary {
  readonly median: number;
  /** Nearest rank; with fewer than 100 samples, the largest. */
  readonly p99: number;
  /** The smallest one: what is left when nothing else disturbs. */
  readonly least: number;
  readonly samples: number;
}

/** A rival's samples of the same run, in the figure's unit. */
export interface Comparison extends Summary {
  /** Where the ratio lies with 95 % confidence. */
  readonly interval: readonly [number, number];
}

/** One thing that was measured. */
export interface Figure extends Summary {
  /** Such as `hook.veth.1`. */
  readonly name: string;
  /** `ms`, `MB` or `pods/s`. */
  readonly unit: string;
  /** Our median divided by the rival's, by rival. */
  readonly ratio: Readonly<Record<string, number>>;
  /** What the ratios are to. */
  readonly rivals: Readonly<Record<string, Comparison>>;
  /** What else a reader should know, by what it is called. */
  readonly details: Readonly<Record<string, string>>;
}

/** A figure with what it was to be, where that is laid down. */
export interface JudgedFigure extends Figure {
  readonly targets: readonly Verdict[];
}

/** What a figure was to be, and whether it is. */
export interface Verdict {
  readonly text: string;
  readonly met: boolean;
}
