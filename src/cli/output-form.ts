/** What every command can print. */
export type OutputForm = 'text' | 'json';
