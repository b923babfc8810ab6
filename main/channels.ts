/** The two channels between window and main process: calls one way, snapshots the other. Nothing else crosses. */
export const CALL_CHANNEL = 'muster:call';
export const SNAPSHOT_CHANNEL = 'muster:snapshot';
