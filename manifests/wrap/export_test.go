package wrap

// Launcher writes the text that takes a launcher's place.
var Launcher = (*Folders).launcher
