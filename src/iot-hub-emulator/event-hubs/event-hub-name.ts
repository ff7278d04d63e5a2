/** Name of the built-in endpoint's event hub, `EntityPath` in its connection string. */
export const eventHubName = 'iot-hub-emulator';
