/** Turns the tag of a reason into the last part of an error's code: `NoSpace` → `no-space`. */
export const kebab = (tag: string): string => tag.replaceAll(/(?<=.)[A-Z]/g, "-$&").toLowerCase();
