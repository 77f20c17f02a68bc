package compare

// Ranks is for tests.
var Ranks = ranks
