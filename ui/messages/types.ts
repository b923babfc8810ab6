/** A message is a text with `{name}` placeholders, or one text for each plural category that English and German have. */
export type Plural = { readonly one: string; readonly other: string };
export type Message = string | Plural;
export type Catalogue = { readonly [key: string]: Message };

/** The same keys in another language: a missing or additional key does not compile. */
export type Translation<C extends Catalogue> = { readonly [K in keyof C]: C[K] extends string ? string : Plural };

type Names<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;

/** Names of the placeholders that a message needs values for. */
export type ParametersOf<M extends Message> = M extends string
  ? Names<M>
  : M extends Plural
    ? Names<M['one'] | M['other']>
    : never;
