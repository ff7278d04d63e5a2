import test from 'ava';
import {
	choice,
	flag,
	integer,
	logLevel,
	optionalInteger,
	optionalText,
	readSettings,
	text,
	wordList,
} from '../../src/runtime/settings.ts';

const table = {
	hubName: { env: 'HUB', description: 'The hub.', parse: text },
	key: {
		env: 'KEY',
		default: 'AAAA',
		description: 'A key.',
		secret: true,
		parse: (value: string) => {
			if (value.length !== 4) throw new RangeError('The value must have four characters.');
			return value;
		},
	},
	retries: { env: 'RETRIES', default: '3', description: 'Tries.', parse: integer({ max: 9 }) },
	verbose: { env: 'VERBOSE', default: 'false', description: 'Talk.', parse: flag },
	mode: { env: 'MODE', default: 'Fast', description: 'Way.', parse: choice('Fast', 'Slow') },
	proxy: { env: 'PROXY', default: '', description: 'Proxy.', parse: optionalText },
	limit: { env: 'LIMIT', default: '', description: 'Limit.', parse: optionalInteger() },
	paths: { env: 'PATHS', default: '', description: 'Paths.', parse: wordList },
} as const;

test('defaults hold where a variable is absent or empty', (t) => {
	t.deepEqual(readSettings(table, { HUB: 'h', RETRIES: '' }), {
		settings: {
			hubName: 'h',
			key: 'AAAA',
			retries: 3,
			verbose: false,
			mode: 'Fast',
			proxy: undefined,
			limit: undefined,
			paths: [],
		},
	});
});

test('variables are read in their forms', (t) => {
	const { settings } = readSettings(table, {
		HUB: 'h',
		RETRIES: '9',
		VERBOSE: 'True',
		MODE: 'slow',
		PROXY: 'http://proxy',
		LIMIT: '5',
		PATHS: '/a, /b ,',
	});
	t.like(settings, { retries: 9, verbose: true, mode: 'Slow', proxy: 'http://proxy', limit: 5 });
	t.deepEqual(settings?.paths, ['/a', '/b']);
});

test('all problems are reported together, secrets without their value', (t) => {
	const { problems } = readSettings(table, {
		KEY: 'hunter2',
		RETRIES: '10',
		VERBOSE: 'yes',
		MODE: 'swift',
	});
	t.deepEqual(problems, [
		{ env: 'HUB', message: 'The setting is required.' },
		{ env: 'KEY', message: 'The value must have four characters.' },
		{ env: 'RETRIES', message: 'The value must be a whole number from 0 to 9. It is "10".' },
		{ env: 'VERBOSE', message: 'The value must be true or false. It is "yes".' },
		{ env: 'MODE', message: 'The value must be one of Fast, Slow. It is "swift".' },
	]);
});

for (const value of ['1.5', 'x', '1e3', '-1', '99999999999999999999']) {
	test(`${value} is no whole number from zero on`, (t) => {
		t.throws(() => integer()(value), { instanceOf: RangeError });
	});
}

test('levels of logging may be named as in Azure IoT Edge, in any case', (t) => {
	t.is(logLevel('Verbose'), 'debug');
	t.is(logLevel('INFORMATION'), 'info');
	t.is(logLevel('warning'), 'warn');
	t.is(logLevel('fatal'), 'error');
	t.is(logLevel('silent'), 'silent');
	t.throws(() => logLevel('loud'), { instanceOf: RangeError, message: /verbose/ });
});
