export const ADDON: string;
export function addonFault(): string | undefined;
export function libraryFault(): string | undefined;
