// Lists with several pages.

/**
 * A list. `await` it to get its first page, or iterate over it with `for await` to get all items:
 *
 * ```ts
 * const { images, next_cursor } = await darkroom.images.list();
 * for await (const image of darkroom.images.list()) console.log(image.file_name);
 * ```
 *
 * It sends no request before that, and requests each page when the items of the previous one are used up.
 */
export class List<Page extends { next_cursor: string | null }, Item> implements Promise<Page>, AsyncIterable<Item> {
  readonly [Symbol.toStringTag] = "List";
  readonly #load: (cursor: string | undefined) => Promise<Page>;

  constructor(load: (cursor: string | undefined) => Promise<Page>) {
    this.#load = load;
  }

  /** Requests the first page. `await` calls this. */
  // biome-ignore lint/suspicious/noThenProperty: `await` on a list gets its first page.
  then<A = Page, B = never>(
    onPage?: ((page: Page) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#load(undefined).then(onPage, onError);
  }

  /** As `catch` of a promise of the first page. */
  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<Page | B> {
    return this.then(undefined, onError);
  }

  /** As `finally` of a promise of the first page. */
  finally(onEnd?: (() => void) | null): Promise<Page> {
    return this.then().finally(onEnd);
  }

  /** Iterates over the pages. A page can be empty although more follow. */
  async *pages(): AsyncGenerator<Page, void, undefined> {
    let page = await this.#load(undefined);
    yield page;
    while (page.next_cursor !== null) {
      page = await this.#load(page.next_cursor);
      yield page;
    }
  }

  /** Iterates over the items of all pages. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for await (const page of this.pages()) {
      // A page has one array, and its name differs: `images`, `users`, …
      yield* Object.values<unknown>(page).find((value) => Array.isArray(value)) as Item[];
    }
  }

  /** Collects the items of all pages, or the first `max`. */
  async toArray(max = Number.POSITIVE_INFINITY): Promise<Item[]> {
    const items: Item[] = [];
    if (max <= 0) return items;
    for await (const item of this) {
      items.push(item);
      if (items.length >= max) break;
    }
    return items;
  }
}
