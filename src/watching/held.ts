/** What a held message waits for besides folders: that all folders have been listed, among them new ones. */
export const nextListing = 0;
