export default {
	files: ['test/**/*.test.ts', '!test/kubernetes/**'],
	extensions: ['ts'],
	timeout: '60s',
	concurrency: 2,
};
