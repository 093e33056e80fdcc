/** Stands in for `Intl.Segmenter` in the bundle: its tables are read when a text is first cut into characters (9 ms), not when the program is loaded. */

const { Segmenter } = Intl;

/** As much of an `Intl.Segmenter` as is used. */
export class LazySegmenter {
  readonly #options: ConstructorParameters<typeof Segmenter>;
  #segmenter: Intl.Segmenter | undefined;

  constructor(...options: ConstructorParameters<typeof Segmenter>) {
    this.#options = options;
  }

  segment(text: string): Intl.Segments {
    this.#segmenter ??= new Segmenter(...this.#options);
    return this.#segmenter.segment(text);
  }
}
