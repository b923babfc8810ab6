export function withRegistration(project: string): string;
export function msiProjectCreated(file: string): Promise<void>;
