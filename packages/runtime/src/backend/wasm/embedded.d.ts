/** Puts the three builds of the core into the program; exports nothing. */
export {};
