package store

// For tests: what cannot be had on the machine that runs them.
var (
	Judge = judge
	Fits  = fits
)
