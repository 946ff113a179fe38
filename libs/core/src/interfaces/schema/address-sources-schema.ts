/** Where the interface's addresses come from when the claim does not give them itself: members of `interface`, and of its setup. */
export const addressSourcesShape = {} as const;
