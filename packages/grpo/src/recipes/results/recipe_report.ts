/** stub */
export function writeRecipeReport(_folders: readonly string[]): void {}
