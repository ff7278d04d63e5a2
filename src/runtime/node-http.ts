/**
 * The HTTP client and server of Node.js. An `import` of `node:http` reads all that it exports, also
 * the WebSocket of browsers, and with it loads a second HTTP client: 4 MB that the agent and the edge
 * hub do not need.
 */
export const http = process.getBuiltinModule('node:http');
