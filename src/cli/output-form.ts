import { Option } from 'commander';

/** What every command can print. */
export type OutputForm = 'text' | 'json';

export function outputOption(): Option {
	return new Option('-o, --output <form>', 'text for people, json for scripts')
		.choices(['text', 'json'])
		.default('text');
}
